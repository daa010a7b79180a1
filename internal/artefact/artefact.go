// Package artefact reads what agents write down in a form that clients can show: user
// stories and decisions. They are files of the project like any others, so that they have
// its history, its branches and its merges; what is in no such form is told with its place.
package artefact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/problem"
)

// The files, by their paths in the project.
const (
	StoriesPath   = "docs/user-stories.json"
	DecisionsPath = "docs/decisions.json"
)

const (
	maxEntries = 200
	maxList    = 50
	maxWords   = 4 << 10 // bytes of one text
)

// Story is what somebody wants of the product.
type Story struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Story    string   `json:"story"`
	Priority string   `json:"priority"` // MUST, SHOULD, COULD or WONT
	Criteria []string `json:"criteria"`
}

// Decision is how something is built, and why so.
type Decision struct {
	ID           string   `json:"id"`
	Title        string   `json:"title"`
	Decision     string   `json:"decision"`
	Because      string   `json:"because"`
	Alternatives []string `json:"alternatives"`
}

var priorities = []string{"MUST", "SHOULD", "COULD", "WONT"}

// Stories reads the text of the file of stories.
func Stories(text string) ([]Story, error) {
	all, err := read[Story](text)
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for i, s := range all {
		at := fmt.Sprintf("[%d]", i)
		if err := errors.Join(named(ids, at, s.ID), words(at+".title", s.Title), words(at+".story", s.Story), list(at+".criteria", s.Criteria)); err != nil {
			return nil, first(err)
		}
		if !slices.Contains(priorities, s.Priority) {
			return nil, problem.BadField(at+".priority", "%s.priority is %q: it is one of %s", at, s.Priority, strings.Join(priorities, ", "))
		}
		if len(s.Criteria) == 0 {
			return nil, problem.BadField(at+".criteria", "%s.criteria is empty: say how one sees that it is there", at)
		}
	}
	return all, nil
}

// Decisions reads the text of the file of decisions.
func Decisions(text string) ([]Decision, error) {
	all, err := read[Decision](text)
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for i, d := range all {
		at := fmt.Sprintf("[%d]", i)
		err := errors.Join(named(ids, at, d.ID), words(at+".title", d.Title), words(at+".decision", d.Decision), words(at+".because", d.Because), list(at+".alternatives", d.Alternatives))
		if err != nil {
			return nil, first(err)
		}
	}
	return all, nil
}

// Check refuses a text that is not what the file at path has to be. Other files may be
// anything.
func Check(path, text string) error {
	var err error
	switch path {
	case StoriesPath:
		_, err = Stories(text)
	case DecisionsPath:
		_, err = Decisions(text)
	}
	if p := problem.As(err); p != nil {
		return problem.New(problem.BadInput, "%s is not as it has to be: %s", path, p.Message)
	}
	return err
}

func read[T any](text string) ([]T, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	var all []T
	if err := d.Decode(&all); err != nil {
		return nil, problem.New(problem.BadInput, "it is no JSON array of the form that is wanted: %s", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, problem.New(problem.BadInput, "something follows the JSON array")
	}
	if len(all) > maxEntries {
		return nil, problem.New(problem.BadInput, "it has %d entries, and may have %d", len(all), maxEntries)
	}
	return all, nil
}

func named(ids map[string]bool, at, id string) error {
	if err := words(at+".id", id); err != nil {
		return err
	}
	if ids[id] {
		return problem.BadField(at+".id", "%s.id %q is there twice", at, id)
	}
	ids[id] = true
	return nil
}

func words(field, text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return problem.BadField(field, "%s is missing", field)
	case len(text) > maxWords:
		return problem.BadField(field, "%s has more than %d bytes", field, maxWords)
	}
	return nil
}

func list(field string, texts []string) error {
	if len(texts) > maxList {
		return problem.BadField(field, "%s has more than %d entries", field, maxList)
	}
	for i, text := range texts {
		if err := words(fmt.Sprintf("%s[%d]", field, i), text); err != nil {
			return err
		}
	}
	return nil
}

// first is the first of joined errors: one at a time is easier to mend.
func first(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()[0]
	}
	return err
}
