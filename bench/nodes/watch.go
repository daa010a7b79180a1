package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/zeblit/zeblit/bench/internal/node"
)

// observe has runs made through one node and watches each on the other. It
// returns how late every event came, once all have ended, or the first error.
func observe(one, two *node.Node, disturb func() error) ([]time.Duration, error) {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		lags  []time.Duration
		errs  []error
	)
	for range runs {
		project, err := one.CreateProject()
		if err != nil {
			return nil, err
		}
		group.Go(func() {
			own, err := watch(two, project, func() error { return one.SendMessage(project, "Build a to-do list page") })
			mu.Lock()
			defer mu.Unlock()
			lags, errs = append(lags, own...), append(errs, err)
		})
	}
	if disturb != nil {
		time.Sleep(3 * time.Second)
		errs = append(errs, disturb())
	}
	group.Wait()
	return lags, errors.Join(errs...)
}

// watch follows a project to the end of its run. send is called once the
// subscription stands. A number that is missing is an error.
func watch(n *node.Node, project string, send func() error) ([]time.Duration, error) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, resp, err := dialer.Dial("ws"+strings.TrimPrefix(n.URL, "http")+"/graphql", nil)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	defer func() { _ = conn.Close() }()
	query := fmt.Sprintf(`subscription { projectEvents(projectId: %q, after: "start") { at seq ... on RunStateChanged { state } } }`, project)
	for _, message := range []any{
		map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": "Bearer " + n.Key}},
		map[string]any{"id": "1", "type": "subscribe", "payload": map[string]string{"query": query}},
	} {
		if err := conn.WriteJSON(message); err != nil {
			return nil, err
		}
	}
	var lags []time.Duration
	for {
		var m struct {
			Type    string
			Payload struct {
				Data struct {
					ProjectEvents struct {
						At    time.Time
						Seq   int64
						State string
					}
				}
			}
		}
		if err := conn.ReadJSON(&m); err != nil {
			return lags, err
		}
		event := m.Payload.Data.ProjectEvents
		switch m.Type {
		case "connection_ack":
			if err := send(); err != nil {
				return nil, err
			}
			continue
		case "ping", "pong":
			continue
		case "next":
		default:
			return lags, errors.New("the server sent " + m.Type)
		}
		lags = append(lags, time.Since(event.At))
		if event.Seq != int64(len(lags)) {
			return lags, fmt.Errorf("event %d came as the %dth", event.Seq, len(lags))
		}
		if event.State != "" && event.State != "QUEUED" && event.State != "RUNNING" {
			return lags, nil
		}
	}
}
