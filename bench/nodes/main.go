// Command nodes measures how late events reach a watcher on another node, while
// Redis answers and while it is stopped for 20 s. Two servers and a worker run as
// processes of their own on one private PostgreSQL and one private Redis, and the
// demo model speaks for all of it. Linux only.
//
//	go run ./bench/nodes
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/zeblit/zeblit/bench/internal/node"
	"github.com/zeblit/zeblit/bench/internal/process"
	"github.com/zeblit/zeblit/internal/store/pgtest"
)

const (
	runs = 8                      // at once, each with a watcher on the other node
	pace = 120 * time.Millisecond // between the words of each run
	away = 20 * time.Second
)

func main() {
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func measure() (err error) {
	dir, err := os.MkdirTemp("", "zeblit-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	zeblit := filepath.Join(dir, "zeblit")
	if err := process.Build(zeblit, "./cmd/zeblit"); err != nil {
		return err
	}
	database, drop, err := pgtest.Create("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	redis, err := node.StartRedis(dir)
	if err != nil {
		return err
	}
	defer func() { redis.Kill() }()

	environment := node.Environment("DATABASE_URL="+database, "REDIS_URL="+redis.URL, "ZEBLIT_DEMO_PACE="+pace.String())
	begin := func(name string, args ...string) (*node.Node, error) {
		return node.Start(zeblit, filepath.Join(dir, name), environment, args...)
	}
	one, err := begin("one", "serve", "--no-worker", "--addr", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer one.Stop()
	two, err := begin("two", "serve", "--no-worker", "--addr", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer two.Stop()
	worker, err := begin("worker", "worker")
	if err != nil {
		return err
	}
	defer worker.Stop()
	two.Key = one.Key

	fmt.Println("| Redis | events | p50 | p99 | most |\n|---|---|---|---|---|")
	up, err := observe(one, two, nil)
	if err != nil {
		return err
	}
	show("answers", up, up)
	stopped, err := observe(one, two, func() error {
		redis.Kill()
		time.Sleep(away)
		return redis.Start()
	})
	if err != nil {
		return err
	}
	show(fmt.Sprintf("stopped for %s in the middle", away), stopped, up)
	return nil
}

// show writes one line of the table; lags are sorted.
func show(name string, lags, base []time.Duration) {
	slices.Sort(lags)
	slices.Sort(base)
	at := func(all []time.Duration, share float64) time.Duration { return all[int(share*float64(len(all)-1))] }
	cell := func(share float64) string {
		return fmt.Sprintf("%.0f ms (%.1f ×)", at(lags, share).Seconds()*1000, float64(at(lags, share))/float64(at(base, share)))
	}
	fmt.Printf("| %s | %d | %s | %s | %s |\n", name, len(lags), cell(0.5), cell(0.99), cell(1))
}
