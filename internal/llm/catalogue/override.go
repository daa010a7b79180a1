package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// anyModel is the id of an entry for all models of a provider.
const anyModel = "*"

// override is one entry of an installation's own. What it doesn't say stays.
type override struct {
	Provider      string         `json:"provider"`
	ID            string         `json:"id"`
	Name          *string        `json:"name"`
	ContextWindow *int64         `json:"contextWindow"`
	OutputLimit   *int64         `json:"outputLimit"`
	Price         *overridePrice `json:"price"`
	AsOf          string         `json:"asOf"`
	Tools         *bool          `json:"tools"`
	Images        *bool          `json:"images"`
	Reasoning     *bool          `json:"reasoning"`
	Efforts       []string       `json:"efforts"`

	price *Price // Price, understood
}

type overridePrice struct {
	Input      amount             `json:"input"`
	Output     amount             `json:"output"`
	CacheRead  amount             `json:"cacheRead"`
	CacheWrite amount             `json:"cacheWrite"`
	Long       *overrideLongPrice `json:"long"`
}

type overrideLongPrice struct {
	Above      int64  `json:"above"`
	Input      amount `json:"input"`
	Output     amount `json:"output"`
	CacheRead  amount `json:"cacheRead"`
	CacheWrite amount `json:"cacheWrite"`
}

// amount is a price as it was written, a JSON number or string; empty: not at all. It
// stays text, because a float can't hold most decimals.
type amount string

func (a *amount) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, (*string)(a))
	}
	*a = amount(text)
	return nil
}

func (o override) apply(m *Model) {
	set(&m.Name, o.Name)
	set(&m.ContextWindow, o.ContextWindow)
	set(&m.OutputLimit, o.OutputLimit)
	set(&m.Tools, o.Tools)
	set(&m.Images, o.Images)
	set(&m.Reasoning, o.Reasoning)
	if o.Efforts != nil {
		m.Efforts = o.Efforts
	}
	if o.price != nil {
		m.Price = o.price
	}
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

// parseOverrides reads the entries and tells of all their mistakes at once.
func parseOverrides(text []byte) ([]override, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	var entries []json.RawMessage
	if err := decode(text, &entries); err != nil {
		return nil, fmt.Errorf("the models must be a JSON array of objects with provider and id: %s", plain(err))
	}
	var (
		out      []override
		problems []error
		seen     = map[key]bool{}
	)
	for i, entry := range entries {
		var o override
		if err := decode(entry, &o); err != nil {
			problems = append(problems, fmt.Errorf("model %d of the list: %s", i+1, plain(err)))
			continue
		}
		c := checked{what: fmt.Sprintf("model %d of the list (%s/%s)", i+1, shown(o.Provider), shown(o.ID))}
		c.check(&o)
		if k := (key{o.Provider, o.ID}); seen[k] {
			c.bad("is there twice")
		} else {
			seen[k] = true
		}
		problems = append(problems, c.problems...)
		out = append(out, o)
	}
	return out, errors.Join(problems...)
}

// decode takes nothing that it doesn't know, and nothing after the value.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more text after its end")
	}
	return nil
}

// plain is a JSON error without the words of the library.
func plain(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if e.Field == "" {
			return fmt.Sprintf("it is a %s", e.Value)
		}
		return fmt.Sprintf("%s can't be a %s", e.Field, e.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

var providerName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// checked collects what is wrong with one entry.
type checked struct {
	what     string
	problems []error
}

func (c *checked) bad(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf("%s %s", c.what, fmt.Sprintf(format, args...)))
}

func (c *checked) check(o *override) {
	if !providerName.MatchString(o.Provider) {
		c.bad("needs a provider of 1 to 32 small letters, digits and hyphens, as anthropic")
	}
	if o.ID == "" || len(o.ID) > 200 || strings.ContainsFunc(o.ID, isSpace) {
		c.bad("needs an id of 1 to 200 characters without spaces; * stands for all models of the provider")
	}
	c.atLeastOne("contextWindow", o.ContextWindow)
	c.atLeastOne("outputLimit", o.OutputLimit)
	if o.ContextWindow != nil && o.OutputLimit != nil && *o.OutputLimit > *o.ContextWindow {
		c.bad("has an outputLimit above its contextWindow")
	}
	if slices.Contains(o.Efforts, "") {
		c.bad("has an empty word in efforts")
	}
	if _, err := time.Parse(time.DateOnly, o.AsOf); o.AsOf != "" && err != nil {
		c.bad("needs asOf as a date like 2026-11-30")
	}
	if o.Price == nil {
		return
	}
	p := &Price{AsOf: o.AsOf}
	c.amounts("price", amounts(*o.Price), p)
	if l := o.Price.Long; l != nil {
		var long Price
		c.amounts("price.long", amounts{Input: l.Input, Output: l.Output, CacheRead: l.CacheRead, CacheWrite: l.CacheWrite}, &long)
		c.atLeastOne("price.long.above", &l.Above)
		p.Long = &LongPrice{Above: l.Above, Input: long.Input, Output: long.Output, CacheRead: long.CacheRead, CacheWrite: long.CacheWrite}
	}
	o.price = p
}

// amounts are the four prices of an entry, its own or those of long prompts.
type amounts overridePrice

func (c *checked) amounts(path string, from amounts, to *Price) {
	if from.Input == "" || from.Output == "" {
		c.bad("needs %s.input and %s.output", path, path)
		return
	}
	to.Input = c.amount(path+".input", from.Input, 0)
	to.Output = c.amount(path+".output", from.Output, 0)
	to.CacheRead = c.amount(path+".cacheRead", from.CacheRead, to.Input)
	to.CacheWrite = c.amount(path+".cacheWrite", from.CacheWrite, to.Input)
}

func (c *checked) amount(path string, a amount, otherwise int64) int64 {
	if a == "" || a == "null" {
		return otherwise
	}
	pico, ok := parseDollars(string(a))
	if !ok {
		c.bad("needs %s as USD per million tokens, from 0 to 1000000 with up to six decimals, like 2.50", path)
	}
	return pico
}

func (c *checked) atLeastOne(path string, n *int64) {
	if n != nil && *n < 1 {
		c.bad("needs %s as a whole number from 1", path)
	}
}

func isSpace(r rune) bool { return r <= ' ' || r == '\u007f' || r == '\u00a0' }

// shown is a word of the entry without filling the screen with it.
func shown(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
