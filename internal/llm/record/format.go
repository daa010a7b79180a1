// Package record keeps what a run's models were asked and answered, without secrets, and
// plays it back with no model there: to see again what happened, to test what has changed
// since, or to go on from a step in another way.
//
// A recording is one file a conversation, of JSON lines: what the project was when it
// began, then each message of a person's, and each call of a model with its answer.
package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/llm"
)

// version is of the lines; a reader refuses others.
const version = 1

// maxLine bounds a line that is read: a request with all of its transcript.
const maxLine = 64 << 20

// line is one line: one of its pointers is set.
type line struct {
	V            int           `json:"v"`
	Conversation *Conversation `json:"conversation,omitempty"`
	Message      *Message      `json:"message,omitempty"`
	Call         *Call         `json:"call,omitempty"`
}

// Conversation is how everything was when the recording began.
type Conversation struct {
	ID          string    `json:"id"`
	ProjectName string    `json:"projectName"`
	Description string    `json:"projectDescription,omitempty"`
	Files       []File    `json:"files,omitempty"`
	Provider    string    `json:"provider"`
	Model       string    `json:"model"`
	At          time.Time `json:"at"`
	// Unplayable says why it can be read but not replayed; it is empty where it can.
	Unplayable string `json:"unplayable,omitempty"`
}

// File is a file of the project.
type File struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// Message is what a person said, and the run that answers it.
type Message struct {
	RunID string `json:"runId"`
	Text  string `json:"text"`
	Agent string `json:"agent"`
	Model string `json:"model,omitempty"` // wished for
}

// Call is a model's call.
type Call struct {
	RunID    string       `json:"runId"`
	Step     int          `json:"step"`
	Attempt  int          `json:"attempt"`
	Epoch    int64        `json:"epoch"`
	Provider string       `json:"provider"`
	At       time.Time    `json:"at"`
	Took     int64        `json:"tookMs"`
	Request  llm.Request  `json:"request"`
	Chunks   []string     `json:"chunks,omitempty"` // the text, in the pieces that came
	Response llm.Response `json:"response"`
	Error    *Failure     `json:"error,omitempty"`
}

// Failure is how a call failed.
type Failure struct {
	Kind    llm.Kind `json:"kind,omitempty"` // empty: whoever called ended it
	Status  int      `json:"status,omitempty"`
	Message string   `json:"message"`
}

// Recording is a file that was read.
type Recording struct {
	Conversation Conversation
	Runs         []Run
}

// Size is how many calls it has.
func (r *Recording) Size() (n int) {
	for _, run := range r.Runs {
		n += len(run.Calls)
	}
	return n
}

// Run is a message and the calls that answered it, in order. Of a step that several
// workers tried it has only the last one's calls.
type Run struct {
	Message Message
	Calls   []Call
}

// Read reads a recording. A last line that was cut, as by a crash, is left out.
func Read(r io.Reader) (*Recording, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	var rec Recording
	at := map[string]int{}
	for n := 1; lines.Scan(); n++ {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			if !lines.Scan() {
				break
			}
			return nil, fmt.Errorf("line %d is not JSON: %w", n, err)
		}
		if l.V != version {
			return nil, fmt.Errorf("line %d is of version %d; this program reads version %d", n, l.V, version)
		}
		switch {
		case n == 1 && l.Conversation != nil:
			rec.Conversation = *l.Conversation
		case n == 1:
			return nil, errors.New("line 1 doesn't begin a recording")
		case l.Message != nil:
			if _, twice := at[l.Message.RunID]; !twice {
				at[l.Message.RunID] = len(rec.Runs)
				rec.Runs = append(rec.Runs, Run{Message: *l.Message})
			}
		case l.Call != nil:
			i, ok := at[l.Call.RunID]
			if !ok {
				return nil, fmt.Errorf("line %d is a call of %s, whose message is missing", n, l.Call.RunID)
			}
			rec.Runs[i].add(*l.Call)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if rec.Conversation.ID == "" {
		return nil, errors.New("the recording is empty")
	}
	return &rec, nil
}

// add takes a call in, in the place of those that an earlier worker made of the step.
func (r *Run) add(c Call) {
	var kept []Call
	for _, old := range r.Calls {
		if old.Step != c.Step || old.Epoch >= c.Epoch {
			kept = append(kept, old)
		}
	}
	r.Calls = append(kept, c)
}

// write is l as one line.
func (l line) write(w io.Writer) error {
	l.V = version
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = w.Write(append(raw, '\n'))
	return err
}

// clean is s without secrets, by redact, and as valid UTF-8.
func clean(redact func(string) string, s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return redact(s)
}
