package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

// trial is one part under way: what a test is to the short form.
type trial struct {
	options  faulttest.Options
	cleanups []func()
	failed   error
}

// section is what a part found.
type section struct {
	text string
	good bool
}

func run(ctx context.Context, p part, s settings, dir, binary string) (done section, err error) {
	t := &trial{options: faulttest.Options{
		Dir: dir, Binary: binary, Seed: s.seed, Pace: 6 * time.Millisecond,
		Logf: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}}
	err = t.within(func() (err error) {
		done, err = p.do(ctx, t, s)
		return err
	})
	return done, err
}

// within does what a test would, and cleans up after it.
func (t *trial) within(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil && r != any(t) {
			panic(r)
		}
		for i := range t.cleanups {
			t.cleanups[len(t.cleanups)-1-i]()
		}
		err = errors.Join(err, t.failed)
	}()
	return do()
}

// Helper, Cleanup, Errorf and FailNow make it what the private servers need of a test.
func (t *trial) Helper()          {}
func (t *trial) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }
func (t *trial) FailNow()         { panic(t) } // run takes it

func (t *trial) Errorf(format string, args ...any) {
	t.failed = errors.Join(t.failed, fmt.Errorf(format, args...))
}
