package sandbox

import (
	"context"
	"errors"
	"io"
	"time"
)

// outputGrace is how long Run reads on after a command has ended, for what it left in
// the pipes. What its daemons print later is nobody's.
const outputGrace = 500 * time.Millisecond

// Run starts a command, gives its output to write as it comes, waits for its end and
// kills what it left behind. An error of write ends it. When ctx ends, so does the
// command.
func Run(ctx context.Context, box Sandbox, command Command, write func(Chunk) error) (exit Exit, err error) {
	process, err := box.Start(ctx, command)
	if err != nil {
		return Exit{}, err
	}
	defer func() { err = errors.Join(err, process.Close()) }()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	read := make(chan error, 1) // the one result of the reader, who never waits to give it
	go func() { read <- drain(reading, process, write) }()
	ended := make(chan struct{}) // closed when the command itself has ended
	go func() {
		defer close(ended)
		if _, err := process.Wait(reading); err == nil {
			timer := time.NewTimer(outputGrace)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-reading.Done():
			}
		}
		stop()
	}()
	err = <-read
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		err = nil // the grace is over
	}
	if err != nil {
		stop()
		<-ended
		return Exit{}, err
	}
	exit, err = process.Wait(ctx)
	stop()
	<-ended
	return exit, err
}

func drain(ctx context.Context, process Process, write func(Chunk) error) error {
	for {
		chunk, err := process.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if write == nil {
			continue
		}
		if err := write(chunk); err != nil {
			return err
		}
	}
}
