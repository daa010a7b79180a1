//go:build faults

package main

// A program that is built to be broken has tools whose calls can be counted.
import _ "github.com/zeblit/zeblit/internal/faults/counting"
