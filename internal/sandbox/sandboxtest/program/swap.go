//go:build linux

package main

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// swap changes a folder and a file below /work/main for links to those of /work/other,
// soft and hard, and back, as quickly as it can, for as long as args[0] says.
func swap(args []string) map[string]attempt {
	return map[string]attempt{"swap": func() error {
		patience, err := time.ParseDuration(args[0])
		if err != nil {
			return err
		}
		setUp := errors.Join(
			os.MkdirAll("/work/main/folder", 0o755), os.MkdirAll("/work/other", 0o755),
			os.WriteFile("/work/other/secret", []byte("secret"), 0o644),
			os.WriteFile("/work/other/x", []byte("secret"), 0o644),
			os.Symlink("/work/other", "/work/main/link"),
			os.Symlink("../other/secret", "/work/main/soft"),
		)
		if setUp != nil {
			return setUp
		}
		println("ready")
		for until := time.Now().Add(patience); time.Now().Before(until); {
			_ = unix.Renameat2(unix.AT_FDCWD, "/work/main/folder", unix.AT_FDCWD, "/work/main/link", unix.RENAME_EXCHANGE)
			_ = os.Symlink("../other/secret", "/work/main/soft")
			_ = unix.Renameat2(unix.AT_FDCWD, "/work/main/soft", unix.AT_FDCWD, "/work/main/file", unix.RENAME_EXCHANGE)
			_ = os.Remove("/work/main/hard")
			_ = os.Link("/work/other/secret", "/work/main/hard")
			_ = os.Symlink("/work/other", "/work/main/link")
			_ = os.Mkdir("/work/main/folder", 0o755)
		}
		return errors.New("done")
	}}
}
