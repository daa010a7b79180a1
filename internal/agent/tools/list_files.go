package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// listLimit is how many paths one call lists.
const listLimit = 500

type listFiles struct{}

func (listFiles) Name() string { return "list_files" }

// Parallel says that it only reads.
func (listFiles) Parallel() bool { return true }

func (listFiles) Schema() string {
	return `{"type":"object","properties":{"path":{"type":"string","description":"folder to list; the whole project when left out"}},"additionalProperties":false}`
}

func (listFiles) Run(ctx context.Context, env Env, input json.RawMessage) (Outcome, error) {
	var in struct {
		Path string `json:"path"`
	}
	if err := decode(input, &in); err != nil {
		return Outcome{}, err
	}
	folder := strings.Trim(in.Path, "/")
	if folder == "." {
		folder = ""
	}
	files, more, err := env.Files.Files(ctx, env.ProjectID, folder, env.Branch.Name, "", listLimit)
	if err != nil {
		return Outcome{}, err
	}
	if len(files) == 0 {
		return Outcome{Text: "(no files)"}, nil
	}
	var out strings.Builder
	for _, f := range files {
		out.WriteString(f.Path)
		out.WriteByte('\n')
	}
	if more {
		fmt.Fprintf(&out, "(the first %d; list a folder to see the rest)\n", listLimit)
	}
	return Outcome{Text: out.String()}, nil
}
