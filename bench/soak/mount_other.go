//go:build !linux

package main

import "errors"

func setApart() (code int, done bool) { return 0, false }

func mountSmall(string, int) (unmount func() error, err error) {
	return nil, errors.New("a small disk is mounted on Linux only")
}
