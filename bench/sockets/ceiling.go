package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/zeblit/zeblit/bench/internal/document"
	"github.com/zeblit/zeblit/bench/internal/figure"
	"github.com/zeblit/zeblit/bench/internal/node"
	"github.com/zeblit/zeblit/bench/internal/process"
	"github.com/zeblit/zeblit/bench/internal/subject"
	"github.com/zeblit/zeblit/bench/internal/watch"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

const (
	runsOfAProject = 10
	probes         = 30
	watched        = 15 * time.Second // how long CPU is counted
)

// state is how the process is.
type state struct {
	resident          int64
	product, postgres float64 // CPU, in percent of a core
	query, dispatch   []int64 // µs
}

// ceiling measures P10.
func ceiling(s settings, dir string) (text string, bad, err error) {
	program := filepath.Join(dir, "zeblit")
	if err := process.Build(program, "./cmd/zeblit"); err != nil {
		return "", nil, err
	}
	services, err := node.StartServices(dir)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, services.Stop()) }()
	silent := llmtest.Start(llmtest.Func(func(llmtest.Request) llmtest.Reply { return llmtest.Reply{llmtest.Hang()} }))
	defer silent.Close()
	server, err := node.Start(program, filepath.Join(dir, "data"), services.Environment(
		"ANTHROPIC_API_KEY=key", "ANTHROPIC_BASE_URL="+silent.AnthropicURL(), "ANTHROPIC_MODEL=silent", fmt.Sprintf("ZEBLIT_RUN_SLOTS=%d", s.runs+10*probes),
	), "serve", "--addr", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	defer server.Stop()
	running := 0
	crowd, err := watch.New(watch.Options{Address: server.Address(), Key: server.Key, Query: subject.Query, Opening: 64,
		Hear: func(_ *watch.Watcher, message []byte) {
			if bytes.Contains(message, []byte(`"state":"RUNNING"`)) {
				running++
			}
		},
	})
	if err != nil {
		return "", nil, err
	}
	defer crowd.Close()
	look := func() (st state, err error) {
		id, err := server.CreateProject()
		if err != nil {
			return st, err
		}
		w := crowd.Join(watch.Project{ID: id, From: "start"}, 1)[0]
		if err := crowd.Open(time.Minute); err != nil {
			return st, err
		}
		for range probes {
			if err := st.probe(server, crowd, id, &running); err != nil {
				return st, err
			}
		}
		crowd.Complete(w)
		return st, st.cost(server, services, crowd)
	}
	alone, err := look()
	if err != nil {
		return "", nil, err
	}
	var projects []string
	running = 0
	for range s.runs / runsOfAProject {
		id, err := server.CreateProject()
		if err != nil {
			return "", nil, err
		}
		projects = append(projects, id)
		crowd.Join(watch.Project{ID: id, From: "start"}, s.sockets/(s.runs/runsOfAProject))
	}
	if err := crowd.Open(time.Minute); err != nil {
		return "", nil, err
	}
	for _, id := range projects {
		for range runsOfAProject {
			if err := server.SendMessage(id, "Wait"); err != nil {
				return "", nil, err
			}
		}
		if err := crowd.Drive(time.Millisecond, nil); err != nil {
			return "", nil, err
		}
	}
	if err := crowd.Drive(time.Minute, func() bool { return running >= s.sockets*runsOfAProject }); err != nil {
		return "", nil, fmt.Errorf("%d of %d sockets' runs run: %w", running, s.sockets*runsOfAProject, err)
	}
	full, err := look()
	if err != nil {
		return "", nil, err
	}
	return tellCeiling(s, alone, full), crowd.Problem(), nil
}

// probe asks something small, and has a run begin.
func (st *state) probe(server *node.Node, crowd *watch.Crowd, project string, running *int) error {
	begun := time.Now()
	var viewer struct{ Viewer struct{ ID string } }
	if err := server.Do(`{ viewer { id } }`, nil, &viewer); err != nil {
		return err
	}
	st.query = append(st.query, time.Since(begun).Microseconds())
	before := *running
	begun = time.Now()
	sent := make(chan error, 1)
	go func() { sent <- server.SendMessage(project, "Wait") }()
	if err := crowd.Drive(20*time.Second, func() bool { return *running > before }); err != nil {
		return fmt.Errorf("a run did not begin: %w", err)
	}
	st.dispatch = append(st.dispatch, time.Since(begun).Microseconds())
	return <-sent
}

// cost counts what the process uses while nothing is asked of it.
func (st *state) cost(server *node.Node, services *node.Services, crowd *watch.Crowd) error {
	if err := crowd.Drive(3*time.Second, nil); err != nil {
		return err
	}
	used := func() (product, postgres time.Duration, err error) {
		if product, err = server.CPU(); err == nil {
			postgres, err = services.PostgresCPU()
		}
		return product, postgres, err
	}
	product, postgres, err := used()
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := crowd.Drive(watched, nil); err != nil {
		return err
	}
	product2, postgres2, err := used()
	if err != nil {
		return err
	}
	took := time.Since(begun).Seconds()
	st.product, st.postgres = 100*(product2-product).Seconds()/took, 100*(postgres2-postgres).Seconds()/took
	st.resident, err = server.Memory()
	return err
}

func tellCeiling(s settings, alone, full state) string {
	var b strings.Builder
	fmt.Fprintf(&b, `%s, %s.
`+"`zeblit serve`"+` with its worker on PostgreSQL and Redis: alone, and with %d subscribed sockets and %d runs (%d in each
project) that wait for a model which does not answer. CPU is counted over %.0f s, in percent of one core.

| P10 | alone | with %d sockets and %d runs |
|---|---|---|
`, command(), document.Machine(), s.sockets, s.runs, runsOfAProject, watched.Seconds(), s.sockets, s.runs)
	fmt.Fprintf(&b, "| memory (RSS) | %.1f MB | %.1f MB |\n", float64(alone.resident)/1e6, float64(full.resident)/1e6)
	fmt.Fprintf(&b, "| CPU of the process | %.1f %% | %.1f %% |\n", alone.product, full.product)
	fmt.Fprintf(&b, "| CPU of PostgreSQL | %.1f %% | %.1f %% |\n", alone.postgres, full.postgres)
	for _, row := range []struct {
		title string
		of    func(state) []int64
	}{
		{"`{ viewer { id } }`, p50 and most", func(st state) []int64 { return st.query }},
		{"from sending a message to `RUNNING` at a watcher, p50 and most", func(st state) []int64 { return st.dispatch }},
	} {
		cell := func(all []int64) string {
			return fmt.Sprintf("%.1f ms, %.1f ms", float64(figure.Quantile(all, .5))/1e3, float64(figure.Quantile(all, 1))/1e3)
		}
		fmt.Fprintf(&b, "| %s (%d) | %s | %s |\n", row.title, probes, cell(row.of(alone)), cell(row.of(full)))
	}
	return b.String()
}
