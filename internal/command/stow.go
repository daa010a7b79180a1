package command

import (
	"context"

	"github.com/zeblit/zeblit/internal/problem"
)

// stowFrom is how many bytes of new content are written before the transaction that
// records a change, which then only names them.
const stowFrom = 256 << 10

// stow writes a large change's content. Where the project has no room for it nothing is
// done: it is told where the change is recorded.
func (h *Host) stow(ctx context.Context, t *task, c *change) error {
	if c == nil {
		return nil
	}
	var contents []string
	size := 0
	add := func(text *string) {
		if text != nil {
			contents, size = append(contents, *text), size+len(*text)
		}
	}
	for _, e := range c.edits {
		add(e.Content)
	}
	for _, f := range c.untracked {
		add(f.Text)
	}
	if size < stowFrom {
		return nil
	}
	err := h.files.Stow(t.as(ctx), t.c.ProjectID, contents)
	switch p := problem.As(err); {
	case p != nil:
		return nil //nolint:nilerr // the transaction that records them says what is wrong
	case err != nil:
		return err
	}
	for i, e := range c.edits {
		if e.Content != nil {
			c.edits[i].Content, c.edits[i].Revision = nil, c.files[e.Path].Revision
		}
	}
	for i := range c.untracked {
		c.untracked[i].Text = nil
	}
	return nil
}
