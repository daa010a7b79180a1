// Command bare is the baseline of the idle benchmark: a Go program that only
// listens for HTTP.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("is ready at http://%s\n", l.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(l, http.NotFoundHandler())) //nolint:gosec // a baseline for one benchmark
}
