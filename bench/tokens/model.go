package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/zeblit/zeblit/bench/internal/watch"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// model says to each run, once all have asked, a token at each of its times. A token
// is its time: microseconds since 1970 in 16 digits, and a blank.
type model struct {
	*llmtest.Server
	runs, tokens int
	between      time.Duration

	waiting atomic.Int64
	started chan struct{} // closed by begin
	start   time.Time     // written before
	due     [][]chan struct{}
}

func newModel(s settings) *model {
	m := &model{
		runs: s.runs, tokens: int(s.lasts.Seconds() * float64(s.rate)), between: time.Second / time.Duration(s.rate),
		started: make(chan struct{}),
	}
	for range m.runs {
		times := make([]chan struct{}, m.tokens)
		for k := range times {
			times[k] = make(chan struct{})
		}
		m.due = append(m.due, times)
	}
	m.Server = llmtest.Start(llmtest.Func(m.reply))
	return m
}

// asked reports whether all runs wait for their model.
func (m *model) asked() bool { return int(m.waiting.Load()) >= m.runs }

// spread is the time in which the runs begin to be told something, one after another:
// that a hundred begin their messages in the same moment is another case.
const spread = 2 * time.Second

// at is when run i is told its token k.
func (m *model) at(i, k int) time.Time {
	return m.start.Add(time.Duration(k)*m.between + time.Duration(i)*spread/time.Duration(m.runs))
}

// begin lets all speak, and returns when the first does.
func (m *model) begin() time.Time {
	m.start = time.Now().Add(200 * time.Millisecond)
	close(m.started)
	for i, due := range m.due {
		go func() { // it ends when all has been said
			for k, now := range due {
				time.Sleep(time.Until(m.at(i, k)))
				close(now)
			}
		}()
	}
	return m.start
}

func (m *model) reply(llmtest.Request) llmtest.Reply {
	i := int(m.waiting.Add(1)) - 1
	if i >= m.runs {
		return llmtest.Reply{llmtest.Refuse(400, "invalid_request_error", "a run has asked twice")}
	}
	<-m.started
	reply := make(llmtest.Reply, 0, 2*m.tokens)
	for k, due := range m.due[i] {
		reply = append(reply, llmtest.Wait(due), llmtest.Say(fmt.Sprintf("%016d ", m.at(i, k).UnixMicro())))
	}
	return reply
}

// persisted counts the tokens in the log.
func persisted(db *sql.DB) (tokens int, err error) {
	rows, err := db.Query("SELECT payload FROM events WHERE type = 'MESSAGE_DELTA'")
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return 0, err
		}
		var delta struct{ Text string }
		if err := json.Unmarshal(raw, &delta); err != nil {
			return 0, err
		}
		tokens += len(delta.Text) / watch.Stamp
	}
	return tokens, rows.Err()
}
