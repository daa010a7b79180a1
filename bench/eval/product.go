package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/zeblit/zeblit/bench/internal/node"
	"github.com/zeblit/zeblit/bench/internal/process"
	"github.com/zeblit/zeblit/internal/client"
)

// Product is a server of its own on SQLite, which ends with the evaluation.
type Product struct {
	*client.Client
	node *node.Node
	dir  string
}

// keys are what a model's provider is set up by. They reach the product where a real
// model is evaluated, and not where a scripted one is.
var keys = []string{
	"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL",
	"GEMINI_API_KEY", "GOOGLE_API_KEY", "GEMINI_MODEL", "OLLAMA_HOST", "ZEBLIT_MODEL_SERVERS", "ZEBLIT_MODELS",
	"ZEBLIT_AGENT_MODELS", "ZEBLIT_MODEL_QUICK", "ZEBLIT_MODEL_STANDARD", "ZEBLIT_MODEL_COMPLEX",
}

// environmentOf is the product's: with the keys of whoever evaluates a real model, or with
// the scripted models of a server and none of theirs.
func environmentOf(server string, models []string) ([]string, error) {
	var env []string
	for _, name := range keys {
		value := ""
		if server == "" {
			value = os.Getenv(name)
		}
		env = append(env, name+"="+value)
	}
	if server == "" {
		return node.Environment(env...), nil
	}
	servers, err := json.Marshal([]map[string]any{{"name": provider, "url": server, "models": models}})
	if err != nil {
		return nil, err
	}
	// A price, so that what is said of money and budgets is tried as well.
	prices := fmt.Sprintf(`[{"provider": %q, "id": "*", "price": {"input": 1, "output": 5}}]`, provider)
	return node.Environment(append(env, "ZEBLIT_MODEL_SERVERS="+string(servers), "ZEBLIT_MODELS="+prices)...), nil
}

// provider is the scripted models'.
const provider = "scripted"

// start builds the program and serves with it.
func start(environment []string) (p *Product, err error) {
	p = new(Product)
	if p.dir, err = os.MkdirTemp("", "zeblit-eval-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	program := filepath.Join(p.dir, "zeblit")
	if err := process.Build(program, "./cmd/zeblit"); err != nil {
		return nil, err
	}
	if p.node, err = node.Start(program, filepath.Join(p.dir, "data"), environment, "serve", "--addr", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	p.Client, err = client.New(client.Options{URL: p.node.URL, Key: p.node.Key})
	return p, err
}

// Close ends the server and removes all that it kept.
func (p *Product) Close() error {
	if p.node != nil {
		p.node.Stop()
	}
	return os.RemoveAll(p.dir)
}

// put makes a project of these files.
func (p *Product) put(ctx context.Context, name string, files []Item) (id string, err error) {
	made, err := p.CreateProject(ctx, name)
	if err != nil {
		return "", err
	}
	return made.ID, p.add(ctx, made.ID, files)
}

func (p *Product) add(ctx context.Context, project string, files []Item) error {
	for _, f := range files {
		if _, err := p.Upload(ctx, client.Upload{ProjectID: project, Path: f.Path, Content: f.Content, Executable: f.Executable}); err != nil {
			return fmt.Errorf("put %s: %w", f.Path, err)
		}
	}
	return nil
}

// files are those of a project's main branch, as they are. One that has none has no archive.
func (p *Product) files(ctx context.Context, project string) (all []Item, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.node.URL+"/api/v1/projects/"+project+"/archive?format=tar.gz", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.node.Key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the archive of %s: %s", project, res.Status)
	}
	unzipped, err := gzip.NewReader(res.Body)
	if err != nil {
		return nil, err
	}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		all = append(all, Item{Path: strings.TrimPrefix(header.Name, "./"), Content: string(content), Executable: header.Mode&0o100 != 0})
	}
}
