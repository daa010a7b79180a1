package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/llm/route"
)

// longestModels bounds a file of models or servers, in bytes.
const longestModels = 1 << 20

func (c *check) ollama(host string) string {
	url, err := configured.OllamaURL(host)
	if err != nil {
		c.bad("--ollama-host (OLLAMA_HOST) %s", err)
	}
	return url
}

func (c *check) modelServers(s string) []configured.ServerOptions {
	const name = "--model-servers (ZEBLIT_MODEL_SERVERS)"
	servers, err := configured.ParseServers(c.inlineOrFile(name, s), os.Getenv)
	c.all(name, err)
	return servers
}

func (c *check) models(s string) []byte {
	const name = "--models (ZEBLIT_MODELS)"
	text := c.inlineOrFile(name, s)
	_, err := catalogue.New(text)
	c.all(name, err)
	return text
}

func (c *check) agentModels(s string) map[string]route.Agent {
	const name = "--agent-models (ZEBLIT_AGENT_MODELS)"
	agents, err := route.ParseAgents(c.inlineOrFile(name, s))
	c.all(name, err)
	return agents
}

// inlineOrFile is JSON as it stands, or what the file of that name has.
func (c *check) inlineOrFile(name, s string) []byte {
	s = strings.TrimSpace(s)
	if s == "" || s[0] == '[' || s[0] == '{' {
		return []byte(s)
	}
	file, err := os.Open(s)
	if err == nil {
		defer func() { _ = file.Close() }()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(file, longestModels+1)); err == nil && len(text) <= longestModels {
			return text
		}
	}
	switch e, ok := errors.AsType[*fs.PathError](err); {
	case ok:
		c.bad("%s must be JSON that begins with [ or a file with such; the file %s can't be read: %s", name, quote(s), e.Err)
	default:
		c.bad("%s: the file %s is longer than 1 MiB", name, quote(s))
	}
	return nil
}

// all notes each of the errors that err joins.
func (c *check) all(name string, err error) {
	if err == nil {
		return
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		c.bad("%s: %s", name, err)
		return
	}
	for _, e := range joined.Unwrap() {
		c.bad("%s: %s", name, e)
	}
}

// tiers reads the models of each tier, whose providers must be configured.
func (f Flags) tiers(c *check, cfg *Config) {
	servers, err := configured.Providers(cfg.Providers())
	c.all("--model-servers (ZEBLIT_MODEL_SERVERS)", err)
	var names []string
	for _, s := range servers {
		names = append(names, s.Name)
	}
	cfg.ModelQuick = c.modelList("--model-quick (ZEBLIT_MODEL_QUICK)", f.ModelQuick, names)
	cfg.ModelStandard = c.modelList("--model-standard (ZEBLIT_MODEL_STANDARD)", f.ModelStandard, names)
	cfg.ModelComplex = c.modelList("--model-complex (ZEBLIT_MODEL_COMPLEX)", f.ModelComplex, names)
}

func (c *check) modelList(name, list string, servers []string) []string {
	var out []string
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		server, model, ok := strings.Cut(s, "/")
		switch {
		case !ok || model == "":
			c.bad("%s must list models like anthropic/claude-sonnet-5; one is %s", name, quote(s))
		case !slices.Contains(servers, server):
			c.bad("%s names %s, whose provider isn't configured; there are: %s", name, quote(s), strings.Join(servers, ", "))
		case !slices.Contains(out, s):
			out = append(out, s)
		}
	}
	return out
}
