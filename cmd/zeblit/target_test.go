package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/credentials"
)

// closeIdle lets go of the connections that the tests' own clients keep.
func closeIdle() { http.DefaultTransport.(*http.Transport).CloseIdleConnections() }

func TestWhichServerAndWhichKey(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Chdir(home)
	c := console{err: new(bytes.Buffer)}
	resolve := func(t target) string {
		at, err := t.resolve(c)
		if err != nil {
			return err.Error()
		}
		return at.url + " " + at.key
	}
	require.Contains(t, resolve(target{}), "you aren't signed in, and there is no .zeblit/owner.json")

	owner := func(dir, url, key string) string {
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "owner.json"), []byte(`{"url":"`+url+`","apiKey":"`+key+`"}`), 0o600))
		return dir
	}
	owner(".zeblit", "http://127.0.0.1:8080", "here")
	other := owner(filepath.Join(home, "other"), "http://127.0.0.1:9090", "other")
	require.Equal(t, "http://127.0.0.1:8080 here", resolve(target{}), "the first run needs no login")
	require.Equal(t, "http://127.0.0.1:9090 other", resolve(target{DataDir: other}))

	path, err := credentials.Path()
	require.NoError(t, err)
	require.NoError(t, credentials.Update(path, func(c *credentials.Config) {
		c.Default = "https://a.example"
		c.Servers["https://a.example"] = credentials.Server{APIKey: "a"}
		c.Servers["https://b.example"] = credentials.Server{APIKey: "b"}
		c.Servers["http://127.0.0.1:9090"] = credentials.Server{APIKey: "older"}
	}))
	for want, given := range map[string]target{
		"https://a.example a":           {},
		"https://b.example b":           {URL: "HTTPS://B.example:443/"},
		"https://b.example given":       {URL: "https://b.example", APIKey: "given"},
		"https://a.example given":       {APIKey: "given"},
		"http://127.0.0.1:8080 here":    {URL: "http://127.0.0.1:8080"},
		"http://localhost:8080 here":    {URL: "http://localhost:8080/"},
		"http://127.0.0.1:9090 other":   {DataDir: other},
		"http://127.0.0.1:9090 older":   {URL: "http://127.0.0.1:9090"},
		"https://c.example its own key": {URL: "https://c.example", APIKey: "its own key"},
	} {
		require.Equal(t, want, resolve(given))
	}
	// No key goes to a server that it isn't for.
	for _, url := range []string{"https://c.example", "http://a.example", "https://a.example:8443", "https://a.example/x", "http://127.0.0.1:8081", "https://127.0.0.1:8080", "http://127.0.0.1.example:8080"} {
		require.Contains(t, resolve(target{URL: url}), "you aren't signed in to "+url)
	}
	require.Contains(t, resolve(target{URL: "https://a.example", DataDir: other}), "https://a.example a")
	require.Contains(t, resolve(target{URL: "c.example"}), "must begin with http")

	require.NoError(t, os.Remove(filepath.Join(".zeblit", "owner.json")))
	require.NoError(t, credentials.Update(path, func(c *credentials.Config) { c.Default = "" })) // after a logout
	require.Contains(t, resolve(target{}), "You are signed in to http://127.0.0.1:9090, https://a.example, https://b.example")
	require.Contains(t, resolve(target{DataDir: "nothing"}), "there is no nothing/owner.json")

	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	require.Contains(t, resolve(target{}), "is damaged")
}

func TestWrongSettingsEndWithTwo(t *testing.T) {
	var errs bytes.Buffer
	code := run([]string{"serve", "--addr", "x", "--sign-up", "maybe"}, console{out: &errs, err: &errs})
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs.String(), "2 settings are wrong")
	t.Setenv("DATABASE_URL", "")
	require.Equal(t, exitUsage, run([]string{"worker"}, console{out: &errs, err: &errs}))
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.Equal(t, 0, run([]string{"version"}, console{out: &out, err: &out}))
	require.Contains(t, out.String(), "zeblit dev")
}

func TestNameFromTheRequest(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Build a to-do list page", nameFrom("Build a  to-do list page.\nWith colours."))
	require.Equal(t, "New project", nameFrom("!?"))
	require.Equal(t, "New project", nameFrom("\x1b[2J"))
	long := nameFrom(strings.Repeat("wörter ", 30))
	require.LessOrEqual(t, len([]rune(long)), longestName+1)
	require.True(t, strings.HasSuffix(long, "wörter…"))
}

func TestABrowserIsOpenedWhereItIsSeen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ system, variable, want string }{
		{"linux", "", ""}, {"linux", "DISPLAY", "xdg-open"}, {"linux", "WAYLAND_DISPLAY", "xdg-open"},
		{"darwin", "", "open"}, {"darwin", "SSH_CONNECTION", ""}, {"linux", "SSH_TTY", ""},
	} {
		require.Equal(t, c.want, opener(c.system, func(name string) string {
			if name == c.variable {
				return ":0"
			}
			return ""
		}), "%+v", c)
	}
	require.False(t, browse("file:///etc/passwd"))
}

func TestNoBrowserForWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	require.False(t, browse("::"))
}
