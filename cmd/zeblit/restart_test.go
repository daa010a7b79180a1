package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/client"
	"github.com/zeblit/zeblit/internal/terminal"
)

// The server is killed in the middle of an answer and started again: the person sees
// every piece of text once, and the files in the end.
func TestChatSurvivesAKilledServer(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.Addr, cfg.DemoPace = freeAddr(t), 200*time.Millisecond
	cfg.PublicURL = "http://" + cfg.Addr
	s := serve(t, cfg)
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	cmd := p.command("chat", "--project", "Killed", "Build a to-do list page")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	require.NoError(t, cmd.Start())
	view := &screen{r: out}
	shown := view.until(t, "list that keeps")
	s.kill()
	shown += view.until(t, "[connection lost; resuming]")
	cfg.DemoPace = -1
	s = serve(t, cfg)
	shown += view.end(t)
	require.Zero(t, ended(cmd), errs.String())
	require.Equal(t, 1, strings.Count(shown, "\n[connection lost; resuming]\n"), shown)
	require.Equal(t, 1, strings.Count(shown, "\n[resumed]\n"), shown)
	require.Contains(t, shown, "(interrupted)")

	// What a transcript of the whole log shows, which the server keeps.
	o := ownerOf(t, s)
	api, err := client.New(client.Options{URL: o.URL, Key: o.APIKey})
	require.NoError(t, err)
	project, err := api.Project(t.Context(), "Killed")
	require.NoError(t, err)
	runs, err := take(api.Runs(t.Context(), project.ID), 1)
	require.NoError(t, err)
	var want bytes.Buffer
	show := terminal.NewTranscript(&want, terminal.Style{}, false)
	err = api.RunEvents(t.Context(), runs[0].ID, client.Start, func(e client.Event) error {
		show.Event(e)
		if show.Run().Ended() {
			return client.ErrStop
		}
		return nil
	})
	require.NoError(t, err)
	for _, notice := range []string{"[connection lost; resuming]\n", "[resumed]\n"} {
		shown = strings.Replace(shown, notice, "", 1)
	}
	_, shown, _ = strings.Cut(shown, "\n\n") // behind the project's name
	shown, files, found := strings.Cut(shown, "\nFiles written:\n")
	require.True(t, found)
	require.Contains(t, files, "index.html")
	require.Equal(t, strings.Join(strings.Fields(want.String()), " "), strings.Join(strings.Fields(shown), " "))
	closeIdle()
}
