package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/zeblit/zeblit/internal/llm"
)

// List asks for the list of a server's models, which costs nothing, and is nil when it
// comes.
func (c *Call) List(client *http.Client, url string, header http.Header) error {
	req, err := http.NewRequestWithContext(c.ctx, http.MethodGet, url, nil)
	if err != nil {
		return c.fail(llm.KindBadRequest, "the base URL is not valid")
	}
	req.Header = header
	res, err := client.Do(req)
	if err != nil {
		return c.Failed(err)
	}
	defer func() { _ = res.Body.Close() }()
	start, err := io.ReadAll(io.LimitReader(&watchedBody{ReadCloser: res.Body, watch: c.watch}, maxErrorBody))
	switch refusal := c.unsuccessful(res, start); {
	case c.parent.Err() != nil:
		return c.parent.Err()
	case refusal != nil:
		return refusal
	case err != nil:
		return c.Failed(err)
	case res.StatusCode != http.StatusOK || !bytes.HasPrefix(bytes.TrimSpace(start), []byte("{")) && !bytes.HasPrefix(bytes.TrimSpace(start), []byte("[")):
		return c.unexpected(res, "a list of models")
	}
	return nil
}

// Unlisted reports whether a server has no list of its models, by what List returned.
func Unlisted(err error) bool {
	e, ok := errors.AsType[*llm.Error](err)
	return ok && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented)
}

// unsuccessful is a refusal or a redirect, or nil.
func (c *Call) unsuccessful(res *http.Response, body []byte) *llm.Error {
	switch {
	case res.StatusCode >= 400:
		return ReadRefusal(res.StatusCode, res.Header, body).Error(c.secrets...)
	case res.StatusCode >= 300:
		return &llm.Error{Kind: llm.KindBadResponse, Status: res.StatusCode, Message: "the server redirects elsewhere; check the base URL"}
	case hasError(body): // some gateways have no other way to say it
		e := ReadRefusal(0, res.Header, body).Error(c.secrets...)
		e.Status = res.StatusCode
		return e
	}
	return nil
}

func (c *Call) unexpected(res *http.Response, wanted string) *llm.Error {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return &llm.Error{
		Kind: llm.KindBadResponse, Status: res.StatusCode,
		Message: fmt.Sprintf("expected %s, got %q; check the base URL", wanted, media),
	}
}
