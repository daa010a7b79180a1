package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
)

const (
	watchedProjects = 8
	watchersOfEach  = 25
	// resumesOfEvents is how many events may come for each resume that is waited for.
	resumesOfEvents = 100
	// mostMemory is what a server may hold for its hundred or more watchers, MiB.
	mostMemory = 512
)

// watch has two hundred watchers of every kind see what happens, while everything that
// their streams hang on is killed, stopped, cut and stalled, and they themselves are.
func watch(ctx context.Context, t *trial, s settings) (section, error) {
	clients, err := faulttest.BuildClients(filepath.Dir(t.options.Binary))
	if err != nil {
		return section{}, err
	}
	t.options.Clients, t.options.Pace = clients, 12*time.Millisecond
	var delivered, resumed int
	var took time.Duration
	var memory faulttest.Memory
	_, v, err := faulttest.Run(ctx, t, t.options, faulttest.Plan{
		Projects: watchedProjects, Conversations: 3, Watchers: watchersOfEach, Chat: 9, Settle: settle,
		Disturb: func(ctx context.Context, suite *faulttest.Suite) error {
			begun := time.Now()
			measured := suite.MeasureMemory()
			err := suite.Unsettle(ctx, func() bool {
				delivered, resumed = suite.Load.Delivered()
				took = time.Since(begun)
				fmt.Printf("%.0f s: %d events, %d resumes\n", took.Seconds(), delivered, resumed)
				return delivered >= s.events && resumed >= s.events/resumesOfEvents || took > s.watch
			})
			memory = measured()
			return err
		},
	})
	if err != nil {
		return section{}, err
	}
	var rows table
	rows.row("watchers of projects, on two servers", "%d of %d", watchedProjects*watchersOfEach, watchedProjects)
	rows.row("events delivered; resumes", "**%d; %d**, in %.0f s", v.Delivered, v.Resumed, took.Seconds())
	for _, kind := range slices.Sorted(maps.Keys(v.Watching)) {
		w := v.Watching[kind]
		rows.row(fmt.Sprintf("… %s, %d watchers", kind, w.Watchers), "%d; %d", w.Delivered, w.Resumed)
	}
	rows.row("**gaps, doubles, disorder, other texts, resets**", "**%d, %d, %d, %d, %d**", v.Gaps, v.Doubles, v.Disorder, v.Foreign, v.Resets)
	slow := 0
	for _, w := range v.Watching {
		slow += w.Slow
	}
	rows.row("connections closed as read too slowly (4508, or its comment)", "%d", slow)
	rows.row("memory of a server at most", "%.0f MiB (%d samples, one each second)", memory.Most, memory.Samples)
	rows.row("processes killed (kill -9)", "%d", v.Kills)
	done := verdict(&rows, v)
	done.text += "\nWhat was done: " + strings.Join(v.Where(), ", ") + ".\n"
	if delivered < s.events || resumed < s.events/resumesOfEvents {
		done.text += "\nFewer events or resumes than wanted.\n"
		done.good = false
	}
	if memory.Most > mostMemory {
		done.text += fmt.Sprintf("\nMore memory than %d MiB.\n", mostMemory)
		done.good = false
	}
	return done, nil
}
