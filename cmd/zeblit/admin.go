package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

type adminCommand struct {
	ResetPassword resetPasswordCommand `cmd:"" help:"Give an account a new password, on the server's own database. The server may go on running."`
}

type resetPasswordCommand struct {
	config.Flags
	Stdin      bool   `name:"stdin" help:"Read the new password from standard input. Default: a random one, which is printed."`
	RevokeKeys bool   `name:"revoke-keys" help:"Revoke the account's API keys too."`
	Email      string `arg:"" optional:"" help:"The account's e-mail address. Default: the owner's, where there is one owner."`
}

func (f *resetPasswordCommand) Run(ctx context.Context, c console) (err error) {
	cfg, err := f.Config()
	if err != nil {
		return err
	}
	password := identity.NewPassword()
	if f.Stdin {
		done := c.reading(nil)
		line, _ := bufio.NewReader(c.in).ReadString('\n') // one that is too short is refused below
		done()
		password = strings.TrimRight(line, "\r\n")
	}
	db, err := openForAdmin(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	done, err := identity.New(db, identity.Options{Logger: newLogger(cfg)}).ResetPassword(ctx, f.Email, password, f.RevokeKeys)
	if err != nil {
		return explainReset(err)
	}
	if f.Stdin {
		_, _ = fmt.Fprintf(c.out, "%s has the new password.\n", done.Email)
	} else {
		_, _ = fmt.Fprintf(c.out, "The new password of %s is shown once:\n\n  %s\n\n", done.Email, password)
	}
	_, _ = fmt.Fprintf(c.out, "All sessions were ended: %d. ", done.Sessions)
	if f.RevokeKeys {
		_, _ = fmt.Fprintf(c.out, "All API keys were revoked: %d.\n", done.Keys)
	} else {
		_, _ = fmt.Fprintln(c.out, "API keys go on working (--revoke-keys revokes them).")
	}
	file := filepath.Join(cfg.DataDir, "owner.json")
	changed, err := rewriteOwner(file, done.Email, password, f.RevokeKeys)
	if err != nil {
		return fmt.Errorf("the password is changed, but %s still has the old one: %w", file, err)
	}
	if changed {
		_, _ = fmt.Fprintf(c.out, "It is in %s too.\n", file)
	}
	return nil
}

func explainReset(err error) error {
	switch p := problem.As(err); {
	case p == nil:
		return err
	case p.Code == problem.NotFound:
		return &codeError{exitNotFound, errors.New("no account has this e-mail address")}
	case p.Field != "":
		return &codeError{exitUsage, fmt.Errorf("the %s %s", p.Field, p.Message)}
	}
	return &codeError{exitUsage, err}
}

// openForAdmin opens the server's database as it is. One of another version is left
// alone: only serve and migrate bring it up to date, while nothing else runs. A
// server may use it at the same time: both databases order their writers, and each
// request of a server reads accounts and sessions anew.
func openForAdmin(ctx context.Context, cfg config.Config) (*store.DB, error) {
	var db *store.DB
	var err error
	if cfg.Embedded() {
		file := filepath.Join(cfg.DataDir, "zeblit.db")
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("no server has used the data folder %s: name it with --data-dir, or a database with --database-url (%w)", cfg.DataDir, err)
		}
		db, err = store.OpenSQLite(file)
	} else {
		db, err = store.OpenPostgres(cfg.DatabaseURL)
	}
	if err != nil {
		return nil, err
	}
	pending, err := db.Pending(ctx)
	if err == nil && len(pending) > 0 {
		err = errors.New("the database is of an older version: stop the server and run zeblit migrate first")
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// rewriteOwner keeps owner.json right, where it is about that account. The file keeps
// its owner: the server may run as another user than the admin.
func rewriteOwner(file, email, password string, dropKey bool) (changed bool, err error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var o owner
	if err := json.Unmarshal(raw, &o); err != nil || o.Email != email {
		return false, err
	}
	if o.Password = password; dropKey {
		o.APIKey = ""
	}
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return false, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return false, err
	}
	next := file + ".new"
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return false, err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(next, int(stat.Uid), int(stat.Gid)); err != nil {
			return false, errors.Join(err, os.Remove(next))
		}
	}
	return true, os.Rename(next, file)
}
