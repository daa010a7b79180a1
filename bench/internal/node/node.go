// Package node runs the product as its users do, on a database and a Redis that end
// with the benchmark.
package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/zeblit/zeblit/bench/internal/process"
)

// Node is one process of the installation.
type Node struct {
	*process.Process
	URL string // of a server
	// Key is the owner's, where this process was the one that made them.
	Key string
}

// Start runs the program on a data folder. A server is waited for; a worker says
// nothing.
func Start(program, dir string, environment []string, args ...string) (*Node, error) {
	ready := " is ready at "
	if args[0] == "worker" {
		ready = ""
	}
	p, err := process.Start(ready, append(environment, "ZEBLIT_DATA_DIR="+dir), program, args...)
	if err != nil {
		return nil, err
	}
	n := &Node{Process: p, URL: p.Said}
	raw, err := os.ReadFile(filepath.Join(dir, "owner.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err == nil {
		var owner struct{ APIKey string }
		err = json.Unmarshal(raw, &owner)
		n.Key = owner.APIKey
	}
	if err != nil {
		n.Stop()
		return nil, err
	}
	return n, nil
}

// Environment is that of a process which takes nothing from whoever runs the
// benchmark.
func Environment(more ...string) []string {
	return append(append(os.Environ(), "ZEBLIT_LIMITS=off", "ZEBLIT_SECRET=sixteen characters", "DATABASE_URL=", "REDIS_URL=",
		"ANTHROPIC_API_KEY=", "OPENAI_API_KEY=", "OPENAI_BASE_URL=", "GOGC=", "GOMEMLIMIT="), more...)
}

// Address is the server's host and port.
func (n *Node) Address() string { return strings.TrimPrefix(n.URL, "http://") }

// Do posts an operation; what it returns is read into data.
func (n *Node) Do(query string, variables map[string]any, data any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, n.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+n.Key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	if len(answer.Errors) > 0 {
		return errors.New(answer.Errors[0].Message)
	}
	return json.Unmarshal(answer.Data, data)
}

// CreateProject makes one and returns its id.
func (n *Node) CreateProject() (string, error) {
	var made struct {
		CreateProject struct{ Project struct{ ID string } }
	}
	err := n.Do(`mutation { createProject(input: {name: "Bench"}) { project { id } } }`, nil, &made)
	return made.CreateProject.Project.ID, err
}

// SendMessage begins a run in a conversation of its own.
func (n *Node) SendMessage(project, text string) error {
	var made struct {
		SendMessage struct{ Run struct{ ID string } }
	}
	return n.Do(`mutation($project: ID!, $text: String!) { sendMessage(input: {projectId: $project, text: $text}) { run { id } } }`,
		map[string]any{"project": project, "text": text}, &made)
}
