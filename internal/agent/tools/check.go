package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/zeblit/zeblit/internal/problem"
)

// maxProblems is how many things that are wrong with a call are told at once.
const maxProblems = 5

// Checker holds the arguments of calls to the tools' schemas, each of which is compiled
// once. The zero Checker is ready; it may be used by many at once.
type Checker struct {
	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema
}

// Check returns BAD_USER_INPUT where the arguments don't fit the tool's schema: which, as a
// JSON pointer without its first slash, what is wrong, and what would be right.
func (c *Checker) Check(t Tool, input json.RawMessage) error {
	schema, err := c.schema(t)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(input)) == 0 {
		input = json.RawMessage("{}")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(input))
	if err != nil {
		at := ""
		if e, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = fmt.Sprintf(" at byte %d: %s", e.Offset, e.Error())
		}
		return problem.New(problem.BadInput, "the arguments are not valid JSON%s; give one object with: %s", at, strings.Join(names(schema), ", "))
	}
	err = schema.Validate(value)
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	var wrong []fault
	collect(schema, invalid, &wrong)
	slices.SortStableFunc(wrong, func(a, b fault) int { return strings.Compare(a.at, b.at) })
	first, more := wrong[0], ""
	for i, f := range wrong[1:] {
		if i == maxProblems-1 {
			more += fmt.Sprintf("; and %d more", len(wrong)-maxProblems)
			break
		}
		more += fmt.Sprintf("; %s: %s", f.at, f.what)
	}
	return problem.BadField(first.at, "%s", first.what+more)
}

func (c *Checker) schema(t Tool) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.schemas[t.Name()]; s != nil {
		return s, nil
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(t.Schema()))
	if err != nil {
		return nil, fmt.Errorf("schema of tool %s: %w", t.Name(), err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{}) // nothing is loaded from anywhere
	name := "tool:" + t.Name()
	if err := compiler.AddResource(name, value); err != nil {
		return nil, fmt.Errorf("schema of tool %s: %w", t.Name(), err)
	}
	s, err := compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("schema of tool %s: %w", t.Name(), err)
	}
	if c.schemas == nil {
		c.schemas = map[string]*jsonschema.Schema{}
	}
	c.schemas[t.Name()] = s
	return s, nil
}

// fault is one thing that is wrong with the arguments.
type fault struct{ at, what string }

func collect(schema *jsonschema.Schema, e *jsonschema.ValidationError, into *[]fault) {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			collect(schema, cause, into)
		}
		return
	}
	at := func(more ...string) string { return strings.Join(slices.Concat(e.InstanceLocation, more), "/") }
	here := below(schema, e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			*into = append(*into, fault{at(name), "is required" + meaning(below(here, []string{name}))})
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			*into = append(*into, fault{at(clipName(name)), "there is no such argument; there are: " + strings.Join(names(here), ", ")})
		}
	default:
		*into = append(*into, fault{at(), say(e.ErrorKind) + meaning(here)})
	}
}

// say puts into words what a value must be.
func say(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("must be of type %s, got %s", strings.Join(k.Want, " or "), k.Got)
	case *kind.Enum:
		var want []string
		for _, v := range k.Want {
			raw, _ := json.Marshal(v)
			want = append(want, string(raw))
		}
		return fmt.Sprintf("must be one of %s, got %s", strings.Join(want, ", "), shown(k.Got))
	case *kind.Minimum:
		return fmt.Sprintf("must be at least %s, got %s", number(k.Want), number(k.Got))
	case *kind.Maximum:
		return fmt.Sprintf("must be at most %s, got %s", number(k.Want), number(k.Got))
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters, has %d", k.Want, k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters, has %d", k.Want, k.Got)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d items, has %d", k.Want, k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d items, has %d", k.Want, k.Got)
	case *kind.Pattern:
		return fmt.Sprintf("must match %s, got %s", k.Want, shown(k.Got))
	}
	return k.LocalizedString(message.NewPrinter(language.English))
}

// below is the schema of what stands at a place within the arguments; nil: none says.
func below(s *jsonschema.Schema, location []string) *jsonschema.Schema {
	for _, step := range location {
		if s == nil {
			return nil
		}
		for s.Ref != nil {
			s = s.Ref
		}
		if _, err := strconv.Atoi(step); err == nil && s.Properties[step] == nil {
			s = s.Items2020
			continue
		}
		s = s.Properties[step]
	}
	return s
}

// meaning is what the schema says of a value, for who got it wrong.
func meaning(s *jsonschema.Schema) string {
	if s == nil || s.Description == "" {
		return ""
	}
	return " (" + s.Description + ")"
}

func names(s *jsonschema.Schema) []string {
	if s == nil || len(s.Properties) == 0 {
		return []string{"none"}
	}
	var all []string
	for name := range s.Properties {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func number(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// shown is a value that was given, in short.
func shown(v any) string {
	raw, _ := json.Marshal(v)
	return clipName(string(raw))
}

func clipName(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
