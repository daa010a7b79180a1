//go:build !linux

package main

import "runtime/debug"

// releaseStartup gives back the memory that only the start needed.
func releaseStartup() { debug.FreeOSMemory() }
