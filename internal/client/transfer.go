package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// transferTimeout is how long one file may take, as long as the server lets it.
	transferTimeout = 10 * time.Minute
	// largestFile is the most that a file is read of, in bytes; the server's are smaller.
	largestFile = 64 << 20
)

// transport is shared by all clients of the process, as http.DefaultTransport would be. It
// notices a server that doesn't answer also while a request has minutes of time.
var transport = &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: dialTimeout}).DialContext,
	TLSHandshakeTimeout:   dialTimeout,
	ResponseHeaderTimeout: time.Minute,
	ForceAttemptHTTP2:     true,
	MaxIdleConns:          10,
	IdleConnTimeout:       90 * time.Second,
}

// Download reads the bytes of a file, text or not, at ref: a branch or a commit, "" for
// main. NOT_FOUND when it isn't there.
func (c *Client) Download(ctx context.Context, projectID, path, ref string) (content string, err error) {
	query := url.Values{"path": {path}}
	if ref != "" {
		query.Set("ref", ref)
	}
	err = c.safely(ctx, func() error {
		raw, err := c.transfer(ctx, http.MethodGet, c.filesAt(projectID, query), nil, "")
		content = string(raw)
		return err
	})
	return content, err
}

func (c *Client) filesAt(projectID string, query url.Values) string {
	return strings.TrimSuffix(c.graphql, "/graphql") + "/api/v1/projects/" + url.PathEscape(projectID) + "/files?" + query.Encode()
}

// transfer sends one request beside GraphQL, and returns what the server answers or the
// error that it tells.
func (c *Client) transfer(ctx context.Context, method, address string, header http.Header, content string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, method, address, strings.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if c.options.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.options.Key)
	}
	res, err := c.http.Do(req)
	var raw []byte
	if err == nil {
		defer func() { _ = res.Body.Close() }()
		raw, err = io.ReadAll(io.LimitReader(res.Body, largestFile+1))
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &UnreachableError{URL: c.options.URL, Err: rootOf(err)}
	case len(raw) > largestFile:
		return nil, fmt.Errorf("%s answered more than %d bytes", c.options.URL, largestFile)
	case res.StatusCode < 200 || res.StatusCode > 299:
		return nil, c.refusal(res, raw)
	}
	c.outage.reached()
	return raw, nil
}

// refusal is the error that an answer without success tells.
func (c *Client) refusal(res *http.Response, raw []byte) error {
	var refused struct {
		Errors []*GraphQLError `json:"errors"`
	}
	if json.Unmarshal(raw, &refused) == nil && len(refused.Errors) > 0 {
		c.outage.reached()
		return refused.Errors[0]
	}
	if res.StatusCode >= http.StatusInternalServerError {
		return &UnreachableError{URL: c.options.URL, Err: fmt.Errorf("status %s", res.Status)}
	}
	return fmt.Errorf("%s is no Zeblit server: it answered %s", c.options.URL, res.Status)
}
