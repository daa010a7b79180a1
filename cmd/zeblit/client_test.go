package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// post is another client, such as a browser.
func post(t *testing.T, s *server, token, query string, variables map[string]any) map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Data   map[string]any
		Errors []any
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Empty(t, answer.Errors)
	return answer.Data
}

func ownerOf(t *testing.T, s *server) owner {
	t.Helper()
	o, err := target{DataDir: s.dir}.owner()
	require.NoError(t, err)
	require.NotEmpty(t, o.APIKey)
	return o
}

// signIn signs the owner in, as a browser does.
func signIn(t *testing.T, s *server, password string) string {
	t.Helper()
	data := post(t, s, "", `mutation($e: String!, $p: String!) { signIn(input: {email: $e, password: $p}) { accessToken } }`,
		map[string]any{"e": ownerOf(t, s).Email, "p": password})
	return data["signIn"].(map[string]any)["accessToken"].(string)
}

func TestLoginByDeviceCode(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	token := signIn(t, s, ownerOf(t, s).Password)
	p := newPerson(t)
	require.Equal(t, exitCredentials, p.run(t, "", "whoami").code)
	require.Equal(t, exitCredentials, p.run(t, "", "projects", "--url", s.url).code)

	login := func(decision string) said {
		cmd := p.command("login", "--url", s.url, "--name", "test computer")
		var errs bytes.Buffer
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		cmd.Stderr = &errs
		require.NoError(t, cmd.Start())
		view := &screen{r: out}
		shown := view.until(t, "Waiting")
		require.Contains(t, shown, s.url+"/device\n")
		code := regexp.MustCompile(`[A-Z]{4}-[A-Z]{4}`).FindString(shown)
		found := post(t, s, token, `query($c: String!) { deviceCode(userCode: $c) { clientName } }`, map[string]any{"c": code})
		require.Equal(t, "test computer", found["deviceCode"].(map[string]any)["clientName"])
		post(t, s, token, `mutation($c: String!, $d: DeviceDecision!) { decideDeviceCode(input: {userCode: $c, decision: $d}) { clientName } }`,
			map[string]any{"c": code, "d": decision})
		rest := view.end(t)
		return said{ended(cmd), rest, errs.String()}
	}
	denied := login("DENY")
	require.Equal(t, exitCredentials, denied.code)
	require.Contains(t, denied.err, "refused in the browser")
	require.NoFileExists(t, p.config())

	done := login("APPROVE")
	require.Zero(t, done.code, done.err)
	require.Contains(t, done.out, "Signed in to "+s.url+" as owner@localhost.")
	info, err := os.Stat(p.config())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Equal(t, "Owner <owner@localhost> at "+s.url+"\n", p.do(t, "whoami"))
	me := lines(t, p.do(t, "whoami", "--json"))[0]
	require.Equal(t, s.url, me["url"])
	require.Equal(t, "owner@localhost", me["email"])

	raw, err := os.ReadFile(p.config())
	require.NoError(t, err)
	key := regexp.MustCompile(`zbl_\w+`).FindString(string(raw))
	require.NotEmpty(t, key)
	require.Contains(t, p.do(t, "logout"), "Signed out of "+s.url)
	require.Equal(t, exitCredentials, p.run(t, "", "whoami").code)
	revoked := p.run(t, "", "whoami", "--url", s.url, "--api-key", key)
	require.Equal(t, exitCredentials, revoked.code, "the key was revoked: %s", revoked.out)
	require.Contains(t, revoked.err, "zeblit login --url "+s.url)
	require.Contains(t, p.do(t, "logout"), "You weren't signed in.")
}

func TestLoginWithAKey(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	key := ownerOf(t, s).APIKey
	p := newPerson(t)
	require.Equal(t, exitCredentials, p.run(t, "", "login", "--url", s.url, "--api-key", "zbl_wrong").code)
	require.Equal(t, exitUsage, p.run(t, "\n", "login", "--url", s.url, "--api-key", "-").code)
	require.Equal(t, exitUsage, p.run(t, "", "login", "--url", "ftp://x").code)
	split := p.run(t, "", "login", "--url", s.url, "--api-key", "zbl_a\nb")
	require.Equal(t, exitUsage, split.code)
	require.Contains(t, split.err, "no key has")
	require.Equal(t, exitUnreachable, p.run(t, "", "login", "--url", "http://127.0.0.1:1").code)
	require.NoFileExists(t, p.config())

	require.Zero(t, p.run(t, key+"\n", "login", "--url", s.url, "--api-key", "-").code)
	p.do(t, "whoami")
	require.NoError(t, os.Chmod(p.config(), 0o644))
	loose := p.run(t, "", "whoami")
	require.Zero(t, loose.code)
	require.Contains(t, loose.err, "others could read")
	require.Empty(t, p.run(t, "", "whoami").err)
	p.do(t, "logout", "--url", s.url)
	p.do(t, "whoami", "--url", s.url, "--api-key", key) // a key that was given is not revoked
}

func TestChatShowsTheWholeJob(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir) // the README's first run, without signing in
	out := p.do(t, "chat", "Build", "a", "to-do list page")
	require.Regexp(t, `^Project Build a to-do list page \(prj_\w+\)\n\n`, out)
	require.Contains(t, out, "\n  → write_file index.html\n")
	_, files, _ := strings.Cut(out, "\nFiles written:\n")
	require.Contains(t, files, "  index.html  ")
	require.NotContains(t, out, "\x1b")

	events := p.run(t, "", "chat", "--json", "--project", "Build a to-do list page", "Make it blue")
	require.Zero(t, events.code, events.err)
	all := lines(t, events.out)
	require.Equal(t, "SUCCEEDED", all[len(all)-1]["state"])
	run := all[len(all)-1]["run"].(map[string]any)["id"].(string)
	require.Equal(t, events.out, p.do(t, "run", "watch", run, "--json"), "byte for byte")
	require.Contains(t, p.do(t, "run", "watch", run), "→")

	projects := lines(t, p.do(t, "projects", "--json"))
	require.Len(t, projects, 1, "the name was found")
	id := projects[0]["id"].(string)
	runs := lines(t, p.do(t, "runs", "--json"))
	require.Len(t, runs, 2)
	require.Equal(t, run, runs[0]["id"])
	require.Equal(t, runs, lines(t, p.do(t, "runs", "--json", "--project", id)))
	require.Len(t, lines(t, p.do(t, "runs", "--json", "--limit", "1")), 1)
	require.Contains(t, p.do(t, "runs"), "Make it blue")
	require.Contains(t, p.do(t, "run", "cancel", run), "SUCCEEDED")
	require.Equal(t, "manager", lines(t, p.do(t, "agents", "--json"))[0]["slug"])
	require.Equal(t, "demo", lines(t, p.do(t, "models", "--json"))[0]["name"])

	for _, c := range []struct {
		code int
		args []string
	}{
		{exitUsage, []string{"chat", " "}},
		{exitUsage, []string{"chat", "-"}},
		{exitUsage, []string{"chat", "--agent", "nobody", "hello"}},
		{exitUsage, []string{"chat", "--no-such-flag"}},
		{exitUsage, []string{"runs", "--limit", "0"}},
		{exitNotFound, []string{"chat", "--project", "prj_00000000000000000000000000", "hello"}},
		{exitNotFound, []string{"runs", "--project", "no such project"}},
		{exitNotFound, []string{"run", "watch", "run_x"}},
		{exitNotFound, []string{"run", "cancel", "run_x"}},
		{exitUnreachable, []string{"chat", "--url", "http://127.0.0.1:1", "--api-key", "x", "hello"}},
		{exitUsage, []string{"projects", "delete", id}},
		{exitUsage, []string{"projects", "delete", "Shop", "--yes"}},
		{exitNotFound, []string{"projects", "delete", "prj_00000000000000000000000000", "--yes"}},
	} {
		ended := p.run(t, "", c.args...)
		require.Equal(t, c.code, ended.code, "%v: %s", c.args, ended.err)
	}
	require.Contains(t, p.do(t, "projects", "delete", id, "--yes"), "Deleted "+id)
	require.Empty(t, lines(t, p.do(t, "projects", "--json")))
	made := strings.TrimSpace(p.do(t, "projects", "create", "Shop"))
	require.Equal(t, made, lines(t, p.do(t, "projects", "--json"))[0]["id"])
	newer := lines(t, p.do(t, "projects", "create", "Shop", "--json"))[0]["id"]
	require.Contains(t, p.do(t, "chat", "--project", "Shop", "hello"), newer, "the latest of that name")
}

func TestChatThroughAPipe(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	ended := p.run(t, "Build a page\n\nMake it blue\n", "chat", "--project", "Piped")
	require.Zero(t, ended.code, ended.err)
	require.Equal(t, 1, strings.Count(ended.out, "Project Piped"))
	require.Equal(t, 2, strings.Count(ended.out, "Files written:"))
	require.NotContains(t, ended.out, "> ")
	data := post(t, s, ownerOf(t, s).APIKey, `{ projects { nodes { conversations { nodes { id } } } } }`, nil)
	conversations := data["projects"].(map[string]any)["nodes"].([]any)[0].(map[string]any)["conversations"].(map[string]any)["nodes"]
	require.Len(t, conversations, 1, "the second message goes on with the first one's conversation")
	require.Zero(t, p.run(t, "Build a page", "chat", "-").code)

	events := p.run(t, "hello\nhello\n", "chat", "--project", "Piped", "--json")
	require.Zero(t, events.code, events.err)
	require.NotEmpty(t, lines(t, events.out), "nothing but events")
}

func TestARefusedMessageLeavesNoProject(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	for _, more := range [][]string{nil, {"--project", "New"}} {
		refused := p.run(t, strings.Repeat("long ", 20_000), append([]string{"chat", "-"}, more...)...)
		require.Equal(t, exitUsage, refused.code)
		require.Contains(t, refused.err, "at most 32 KiB")
		require.Empty(t, refused.out)
	}
	require.Empty(t, p.do(t, "projects", "--json"))
	id := strings.TrimSpace(p.do(t, "projects", "create", "Kept"))
	require.Equal(t, exitUsage, p.run(t, strings.Repeat("long ", 20_000), "chat", "-", "--project", id).code)
	require.Len(t, lines(t, p.do(t, "projects", "--json")), 1)
}

func TestChatFailsWithTheRun(t *testing.T) {
	t.Parallel()
	model := llmtest.NewServer(t,
		llmtest.Reply{llmtest.Call("write_file", map[string]any{"path": "a\x1b[2J.txt", "text": "x"})},
		llmtest.Reply{llmtest.Say("\x1b]0;mine\x07Hello\u202e")},
		llmtest.Refuse(401, "invalid_api_key", "no"))
	cfg := settings(t)
	cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
	s := serve(t, cfg)
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	out := p.do(t, "chat", "hello")
	require.Contains(t, out, "\nHello\n")
	require.Contains(t, out, "→ write_file a.txt")
	require.Contains(t, out, "✗")
	require.NotContains(t, out, "\x1b")
	failed := p.run(t, "", "chat", "hello") // the vendor refuses the key
	require.Equal(t, exitFailed, failed.code)
	require.NotEmpty(t, failed.err)
}

func TestFiles(t *testing.T) {
	t.Parallel()
	s := serve(t, settings(t))
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir, "ZEBLIT_PROJECT=Site")
	id := strings.TrimSpace(p.do(t, "projects", "create", "Site"))
	for path, text := range map[string]string{"index.html": "<h1>\x1b[1mSite</h1>\n", "css/a.css": "a", "css/deep/b.css": "b", "cssx": "no"} {
		post(t, s, ownerOf(t, s).APIKey, `mutation($p: ID!, $f: String!, $t: String!) { writeFile(input: {projectId: $p, path: $f, text: $t}) { commit } }`,
			map[string]any{"p": id, "f": path, "t": text})
	}
	require.Equal(t, "<h1>\x1b[1mSite</h1>\n", p.do(t, "files", "cat", "index.html"), "a program gets it as it is")
	paths := func(args ...string) (out []any) {
		for _, file := range lines(t, p.do(t, append([]string{"files", "ls", "--json"}, args...)...)) {
			out = append(out, file["path"])
		}
		return out
	}
	require.Equal(t, []any{"css/a.css", "css/deep/b.css", "cssx", "index.html"}, paths())
	require.Equal(t, []any{"css/a.css", "css/deep/b.css"}, paths("./css/"))
	for _, root := range []string{".", "./", "/"} {
		require.Len(t, paths(root), 4, root)
	}
	require.Equal(t, "no", p.do(t, "files", "cat", "./cssx"))
	require.Equal(t, exitNotFound, p.run(t, "", "files", "ls", "cs").code)
	require.Equal(t, exitNotFound, p.run(t, "", "files", "cat", "no").code)

	p.do(t, "files", "get", "--to", "some/where", "css", "index.html")
	there := filepath.Join(p.home, "some", "where")
	require.NoFileExists(t, filepath.Join(there, "cssx"))
	raw, err := os.ReadFile(filepath.Join(there, "css", "deep", "b.css"))
	require.NoError(t, err)
	require.Equal(t, "b", string(raw))
	require.Empty(t, p.do(t, "files", "get", "--to", there, "css"), "what is there already just so")

	require.NoError(t, os.WriteFile(filepath.Join(there, "css", "a.css"), []byte("mine"), 0o600))
	kept := p.run(t, "", "files", "get", "--to", there)
	require.Equal(t, exitFailed, kept.code)
	require.Contains(t, kept.err, "css/a.css: it is there already")
	require.Contains(t, kept.out, "cssx", "the others are written")
	p.do(t, "files", "get", "--to", there, "--force")
	raw, err = os.ReadFile(filepath.Join(there, "css", "a.css"))
	require.NoError(t, err)
	require.Equal(t, "a", string(raw))
	require.Equal(t, exitUsage, newPerson(t, "ZEBLIT_DATA_DIR="+s.dir).run(t, "", "files", "ls").code)

	// And back: bytes and modes as they are, nothing of git's and no links.
	for name, content := range map[string]string{"css/logo.png": "\x89PNG\x00\xff", "css/.git/config": "no", "index.html": "<p>new</p>"} {
		file := filepath.Join(there, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	}
	require.NoError(t, os.Chmod(filepath.Join(there, "css", "a.css"), 0o755)) //nolint:gosec // it is to be executable
	require.NoError(t, os.Symlink("a.css", filepath.Join(there, "css", "link")))
	put := p.run(t, "", "files", "put", "--to", "site", filepath.Join(there, "css"), filepath.Join(there, "index.html"))
	require.Equal(t, exitFailed, put.code)
	require.Contains(t, put.err, "link is no plain file")
	require.Contains(t, put.out, "site/css/logo.png")
	require.Equal(t, []any{"site/css/a.css", "site/css/deep/b.css", "site/css/logo.png", "site/index.html"}, paths("site"))
	require.Equal(t, "<p>new</p>", p.do(t, "files", "cat", "site/index.html"))
	require.Equal(t, "\x89PNG\x00\xff", p.do(t, "files", "cat", "site/css/logo.png"))
	p.do(t, "files", "get", "--to", "back", "site/css/logo.png")
	raw, err = os.ReadFile(filepath.Join(p.home, "back", "site", "css", "logo.png"))
	require.NoError(t, err)
	require.Equal(t, "\x89PNG\x00\xff", string(raw))
	p.do(t, "files", "put", filepath.Join(there, "css", "deep")+"/")
	require.Equal(t, []any{"b.css"}, paths("b.css"))

	require.Equal(t, exitFailed, p.run(t, "", "files", "mv", "b.css", "cssx").code)
	p.do(t, "files", "mv", "--force", "b.css", "cssx")
	require.Equal(t, "b", p.do(t, "files", "cat", "cssx"))
	p.do(t, "files", "mv", "site/index.html", "css/")
	require.Equal(t, "<p>new</p>", p.do(t, "files", "cat", "css/index.html"))
	require.NotZero(t, p.run(t, "", "files", "rm", "site").code)
	require.Len(t, paths("site"), 3)
	p.do(t, "files", "rm", "-r", "site", "cssx")
	require.Equal(t, []any{"css/a.css", "css/deep/b.css", "css/index.html", "index.html"}, paths())
	require.Equal(t, exitNotFound, p.run(t, "", "files", "rm", "no").code)
}
