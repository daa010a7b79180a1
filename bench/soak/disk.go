package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

// diskSize is that of the small disk, in MiB.
const diskSize = 64

// disk has one server on SQLite, on a small disk that fills up while it works.
func disk(ctx context.Context, t *trial, s settings) (section, error) {
	o := t.options
	o.SQLite, o.Data = true, filepath.Join(o.Dir, "disk")
	if err := os.Mkdir(o.Data, 0o700); err != nil {
		return section{}, err
	}
	unmount, err := mountSmall(o.Data, diskSize)
	if err != nil {
		return section{}, err
	}
	t.Cleanup(func() {
		if err := unmount(); err != nil {
			t.Errorf("unmount the small disk: %v", err)
		}
	})
	var back []time.Duration
	var outages []window
	suite, v, err := faulttest.Run(ctx, t, o, faulttest.Plan{
		Projects: 4, Conversations: 2, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) error {
			for i := range s.disks {
				w := window{from: time.Now()}
				d, err := suite.FillDisk(ctx, 12*time.Second, i%3 == 2)
				if err != nil {
					return err
				}
				w.to = time.Now().Add(excuse)
				back, outages = append(back, d), append(outages, w)
				if err := sleep(ctx, 5*time.Second); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return section{}, err
	}
	internal, unexcused := 0, 0
	for _, reason := range v.Reasons {
		if reason == "INTERNAL" {
			internal++
		}
	}
	for _, at := range suite.Load.Failures() {
		if !within(at, outages) {
			unexcused++
		}
	}
	var rows table
	rows.row("one `serve` on SQLite, its data on a disk of", "%d MiB", diskSize)
	rows.row("times that the disk was filled to the last byte, for 12 s; the server killed with it", "%d; %d", s.disks, s.disks/3)
	rows.row("from room on the disk to the next message accepted", "%s", quantiles(back))
	rows.row("requests that failed, all in all; outside of an outage; as `INTERNAL`", "%d; %d; %d", v.Retries, unexcused, internal)
	done := verdict(&rows, v)
	done.good = done.good && internal == 0 && unexcused == 0 && v.Retries > 0
	done.text += "\nWhy they failed: " + strings.Join(v.Why(), ", ") + ".\n"
	return done, nil
}
