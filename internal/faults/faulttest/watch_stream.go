package faulttest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	mrand "math/rand/v2"

	"github.com/zeblit/zeblit/internal/client"
)

// followStream is a watcher on one stream of server-sent events after the other.
func (l *Load) followStream(ctx context.Context, w *watcher) {
	stalls := w.kind == stalledES
	carrier := &http.Transport{DisableKeepAlives: true}
	if stalls {
		carrier.DialContext = narrowly
	}
	browser := &http.Client{Transport: carrier}
	for w.prepare(ctx, l) == nil {
		cut, cancel := context.WithCancel(ctx)
		stop := l.unlessCalm(moment(500*time.Millisecond, 5*time.Second), func() {
			if !stalls {
				cancel() // wherever it is in a line
			}
		})
		end := l.stream(cut, browser, w)
		if cut.Err() == nil {
			w.closed(end)
			l.rest(ctx, moment(0, 300*time.Millisecond))
		}
		stop()
		cancel()
	}
}

// stream reads one stream to its end, wherever that comes.
func (l *Load) stream(ctx context.Context, browser *http.Client, w *watcher) ending {
	q, err := l.request(ctx, w)
	if err != nil {
		return ending{problem: err.Error()}
	}
	res, err := browser.Do(q)
	if err != nil {
		return ending{} // nobody is there
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode >= http.StatusInternalServerError || res.StatusCode == http.StatusTooManyRequests:
		return ending{}
	case res.StatusCode != http.StatusOK:
		text, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		return ending{problem: fmt.Sprintf("answered with %s: %s", res.Status, text)}
	}
	lines := bufio.NewReaderSize(res.Body, 4<<10)
	at := time.Now().Add(moment(500*time.Millisecond, 4*time.Second))
	for failed := false; ; {
		m, err := readMessage(lines)
		switch {
		case err != nil:
			return ending{} // without a complete: to be resumed
		case strings.HasPrefix(m.comment, "slow consumer"):
			return ending{slow: true}
		case m.name == "complete" && failed:
			return ending{}
		case m.name == "complete":
			return ending{problem: "the server completed an endless subscription"}
		case m.name == "next":
			event, errs := result(m.data)
			if event == nil {
				if failed = inexcusable(errs) == ""; failed {
					continue
				}
				return ending{problem: inexcusable(errs)}
			}
			if end := checkID(event, m.id); end.problem != "" {
				return end
			}
			if w.take(event) {
				return ending{}
			}
		}
		if w.kind == stalledES && time.Now().After(at) && !l.isCalm() {
			l.rest(ctx, idle())
			at = time.Now().Add(moment(500*time.Millisecond, 4*time.Second))
		}
	}
}

// request subscribes behind the latest event: by the variable, or as EventSource does,
// by the id in a header, the request being the same as ever.
func (l *Load) request(ctx context.Context, w *watcher) (*http.Request, error) {
	query, variables := w.subscribe()
	last := ""
	if after, _ := variables["after"].(string); after != client.Start && (w.kind == sseGet || mrand.IntN(2) == 0) {
		last, variables["after"] = after, client.Start
	}
	values, err := json.Marshal(variables)
	if err != nil {
		return nil, err
	}
	var q *http.Request
	if w.kind == sseGet {
		u := l.server() + "/graphql?" + url.Values{"query": {query}, "variables": {string(values)}}.Encode()
		q, err = http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	} else {
		body, _ := json.Marshal(map[string]any{"query": query, "variables": json.RawMessage(values)})
		q, err = http.NewRequestWithContext(ctx, http.MethodPost, l.server()+"/graphql", bytes.NewReader(body))
	}
	if err != nil {
		return nil, err
	}
	if last != "" {
		q.Header.Set("Last-Event-ID", last)
	}
	if q.Method == http.MethodPost {
		q.Header.Set("Content-Type", "application/json")
	}
	q.Header.Set("Accept", "text/event-stream")
	q.Header.Set("Authorization", "Bearer "+l.in.Key)
	return q, nil
}

func checkID(event json.RawMessage, id string) ending {
	var e struct{ Cursor string }
	_ = json.Unmarshal(event, &e)
	if e.Cursor != id {
		return ending{problem: fmt.Sprintf("the event %s has the id %q", event, id)}
	}
	return ending{}
}

// message is what stands between two empty lines of a stream.
type message struct {
	name, id, comment string
	data              []byte
}

func readMessage(lines *bufio.Reader) (m message, err error) {
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return m, err // half a message is none
		}
		line = strings.TrimRight(line, "\r\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			return m, nil
		case field == "":
			m.comment = value
		case field == "event":
			m.name = value
		case field == "id":
			m.id = value
		case field == "data":
			m.data = append(m.data, value...)
		}
	}
}
