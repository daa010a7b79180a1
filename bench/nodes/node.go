package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// node is one process of the installation.
type node struct {
	cmd      *exec.Cmd
	url, key string
}

// startNode waits until a server says that it is ready; a worker says nothing.
func startNode(zeblit, dir string, environment []string, args ...string) (*node, error) {
	n := &node{cmd: exec.Command(zeblit, args...)}
	n.cmd.Env = append(environment, "ZEBLIT_DATA_DIR="+dir)
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil || args[0] == "worker" {
		return n, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, url, found := strings.Cut(lines.Text(), " is ready at "); found {
			n.url = url
			break
		}
	}
	if n.url == "" {
		n.stop()
		return nil, errors.New("a server did not start")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "owner.json"))
	if errors.Is(err, os.ErrNotExist) { // it was the other node that made the owner
		return n, nil
	}
	if err == nil {
		var owner struct{ APIKey string }
		err = json.Unmarshal(raw, &owner)
		n.key = owner.APIKey
	}
	return n, err
}

func (n *node) stop() { stop(n.cmd) }

// do posts a mutation and returns the id that it made.
func (n *node) do(query, id string) (string, error) {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodPost, n.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+n.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Data   map[string]map[string]struct{ ID string }
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", err
	}
	if len(answer.Errors) > 0 {
		return "", errors.New(answer.Errors[0].Message)
	}
	for _, payload := range answer.Data {
		return payload[id].ID, nil
	}
	return "", errors.New("no data")
}

// observe has runs made through one node and watches each on the other. It
// returns how late every event came, once all have ended, or the first error.
func observe(one, two *node, disturb func() error) ([]time.Duration, error) {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		lags  []time.Duration
		errs  []error
	)
	for range runs {
		project, err := one.do(`mutation { createProject(input: {name: "Bench"}) { project { id } } }`, "project")
		if err != nil {
			return nil, err
		}
		group.Go(func() {
			own, err := two.watch(project, func() error {
				_, err := one.do(fmt.Sprintf(`mutation { sendMessage(input: {projectId: %q, text: "Build a to-do list page"}) { run { id } } }`, project), "run")
				return err
			})
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
func (n *node) watch(project string, send func() error) ([]time.Duration, error) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, resp, err := dialer.Dial("ws"+strings.TrimPrefix(n.url, "http")+"/graphql", nil)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	defer func() { _ = conn.Close() }()
	query := fmt.Sprintf(`subscription { projectEvents(projectId: %q, after: "start") { at seq ... on RunStateChanged { state } } }`, project)
	for _, message := range []any{
		map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": "Bearer " + n.key}},
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
