package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/problem"
)

// readLimit is how much of a file one call returns, in bytes.
const readLimit = 200 << 10

type readFile struct{}

func (readFile) Name() string { return "read_file" }

// Parallel says that it only reads.
func (readFile) Parallel() bool { return true }

func (readFile) Schema() string {
	return `{"type":"object","properties":{"path":{"type":"string","description":"the file's path in the project"}},"required":["path"],"additionalProperties":false}`
}

func (readFile) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		Path string `json:"path"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	if err := required("path", in.Path); err != nil {
		return Outcome{}, err
	}
	f, err := env.Files.File(ctx, env.ProjectID, in.Path, env.Branch.Name)
	if err != nil {
		return Outcome{}, err
	}
	if f.Text == nil {
		return Outcome{}, problem.BadField("path", "the file is binary, %d bytes", f.Size)
	}
	text := *f.Text
	if len(text) > readLimit {
		cut := readLimit
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = strings.TrimRight(text[:cut], "\n") + fmt.Sprintf("\n(cut here: the file has %d bytes)", f.Size)
	}
	return Outcome{Text: text}, nil
}
