package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

const (
	deleteFileMutation = `mutation($input: DeleteFileInput!) { deleteFile(input: $input) { commit } }`
	moveFileMutation   = `mutation($input: MoveFileInput!) { moveFile(input: $input) { commit } }`
)

// Upload is a file to send, of any bytes.
type Upload struct {
	ProjectID, Path string
	Content         string
	Executable      bool
	Branch          string // "" is main
	Message         string // "" says what is done
}

// Upload sends a file, once, also when the connection breaks on the way.
func (c *Client) Upload(ctx context.Context, in Upload) (file File, err error) {
	query := url.Values{"path": {in.Path}}
	for name, value := range map[string]string{"branch": in.Branch, "message": in.Message} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if in.Executable {
		query.Set("mode", "EXECUTABLE")
	}
	header := http.Header{"Content-Type": {"application/octet-stream"}, "Idempotency-Key": {newKey()}}
	err = c.safely(ctx, func() error {
		raw, err := c.transfer(ctx, http.MethodPost, c.filesAt(in.ProjectID, query), header, in.Content)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &file); err != nil {
			return fmt.Errorf("decode the server's answer: %w", err)
		}
		return nil
	})
	return file, err
}

// DeleteFile deletes a file, or with recursive a folder with all that is in it.
func (c *Client) DeleteFile(ctx context.Context, projectID, branch, path string, recursive bool) error {
	return c.changeFile(ctx, deleteFileMutation, branch, map[string]any{"projectId": projectID, "path": path, "recursive": recursive})
}

// MoveFile moves a file, or a folder with all that is in it. A file that is there is
// replaced with overwrite.
func (c *Client) MoveFile(ctx context.Context, projectID, branch, from, to string, overwrite bool) error {
	return c.changeFile(ctx, moveFileMutation, branch, map[string]any{"projectId": projectID, "from": from, "to": to, "overwrite": overwrite})
}

func (c *Client) changeFile(ctx context.Context, mutation, branch string, input map[string]any) error {
	input["idempotencyKey"] = newKey()
	if branch != "" {
		input["branch"] = branch
	}
	return c.doSafely(ctx, mutation, map[string]any{"input": input}, &struct{}{})
}
