package configured

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// ServerOptions are one server with OpenAI's API.
type ServerOptions struct {
	Name   string   `json:"name"`
	URL    string   `json:"url"`
	Key    string   `json:"key"`
	KeyEnv string   `json:"keyEnv"` // the variable that has the key
	Models []string `json:"models"` // empty: it is asked
}

var serverName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// reserved are names that mean something else.
var reserved = []string{"demo", "anthropic", "openai", "gemini", "ollama"}

// ParseServers reads a JSON array of servers, and takes each key that is in a variable
// from env. The error joins one error for each mistake, each a sentence that repeats
// no key.
func ParseServers(text []byte, env func(string) string) ([]ServerOptions, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	var entries []json.RawMessage
	if err := decode(text, &entries); err != nil {
		return nil, errors.New("the model servers must be a JSON array of objects with name and url")
	}
	var (
		servers  []ServerOptions
		problems []error
	)
	for i, entry := range entries {
		var s ServerOptions
		if err := decode(entry, &s); err != nil {
			problems = append(problems, fmt.Errorf("model server %d of the list: %s", i+1, plain(err)))
			continue
		}
		bad := func(format string, args ...any) {
			problems = append(problems, fmt.Errorf("model server %d of the list %s", i+1, fmt.Sprintf(format, args...)))
		}
		switch {
		case !serverName.MatchString(s.Name):
			bad("needs a name of 1 to 32 small letters, digits and hyphens")
		case slices.Contains(reserved, s.Name):
			bad("can't be called %s; that name has a meaning already", s.Name)
		case slices.ContainsFunc(servers, func(other ServerOptions) bool { return other.Name == s.Name }):
			bad("has the name of another one")
		}
		if !webURL(s.URL) {
			bad("needs a url that begins with http:// or https://, without user, query or fragment")
		}
		if s.KeyEnv != "" {
			if s.Key != "" {
				bad("has both key and keyEnv; one is enough")
			} else if s.Key = strings.TrimSpace(env(s.KeyEnv)); s.Key == "" {
				bad("needs its key in the variable that keyEnv names, which is not set")
			}
		}
		if slices.ContainsFunc(s.Models, func(m string) bool { return m == "" || strings.ContainsAny(m, " \t\r\n,") }) {
			bad("has a model that is empty or has spaces or commas in it")
		}
		servers = append(servers, s)
	}
	return servers, errors.Join(problems...)
}

func webURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
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

// plain is a JSON error without the words of the library, and without values.
func plain(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if e.Field == "" {
			return "it must be an object with name and url"
		}
		return fmt.Sprintf("%s can't be a %s", e.Field, e.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}
