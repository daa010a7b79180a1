//go:build linux

// The program that tests put into sandboxes: the part that runs inside, and what a
// command may try to get out.
package main

import (
	"fmt"
	"os"

	"github.com/zeblit/zeblit/internal/sandbox/inside"
)

func main() {
	if inside.Called(os.Args) {
		os.Exit(inside.Main(os.Args))
	}
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	attempts, known := attacks()[os.Args[1]]
	if !known {
		fmt.Println("no such attempt:", os.Args[1])
		os.Exit(2)
	}
	for name, try := range attempts(os.Args[2:]) {
		switch err := try(); {
		case err != nil:
			fmt.Printf("refused %s: %v\n", name, err)
		default:
			fmt.Printf("BREACH %s\n", name)
		}
	}
}

// attempt succeeds where it should not.
type attempt func() error

func attacks() map[string]func(args []string) map[string]attempt {
	return map[string]func([]string) map[string]attempt{
		"system":  system,
		"proc":    proc,
		"one":     processOne,
		"sockets": sockets,
		"dial":    dial,
		"swap":    swap,
		"serve":   serve,
	}
}
