package main

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestJainsIndex(t *testing.T) {
	require.InDelta(t, 1, jain([]float64{3, 3, 3}), 1e-9)
	require.InDelta(t, .25, jain([]float64{1, 0, 0, 0}), 1e-9)
}

// The latest order counts, and the answers that came since, whoever wrapped it in what.
func TestTheLatestOrderIsRead(t *testing.T) {
	user := func(text string) llm.Message { return llm.Message{Role: llm.RoleUser, Text: text} }
	assistant := llm.Message{Role: llm.RoleAssistant, Text: "ok"}
	word, n, name, answers := read(llmtest.Request{Messages: []llm.Message{
		user("TALK 300 a"), assistant, assistant, user("Your task: Task 1\n\nTREE 310001 task310001\n"), assistant, user(""),
	}})
	require.Equal(t, []any{"TREE", 310001, "task310001", 1}, []any{word, n, name, answers})
}

// A tree that ignores all that can be ignored is found whole, and what has ended and was
// not looked at by its parent is not taken for alive.
func TestAProcessTreeIsFound(t *testing.T) {
	number := 320000 + os.Getpid()%100000
	tree := exec.Command("sh", "-c", tree(number))
	tree.WaitDelay = 1
	require.NoError(t, tree.Start())
	var found []int
	require.NoError(t, until(t.Context(), "the tree has grown", func() (is bool, err error) {
		found, err = processes(number)
		return len(found) >= treeSize, err
	}))
	require.Contains(t, found, tree.Process.Pid)
	require.True(t, anyLives(found))
	require.NoError(t, tree.Process.Kill()) // first: it would end by itself when all below have
	for _, id := range found {
		p, err := os.FindProcess(id)
		require.NoError(t, err)
		if err := p.Kill(); !errors.Is(err, os.ErrProcessDone) { // its shell ends with what it waits for
			require.NoError(t, err)
		}
	}
	require.NoError(t, until(t.Context(), "the tree is gone", func() (bool, error) { return !anyLives(found), nil }), "its root was not waited for yet")
	require.Error(t, tree.Wait(), "it was killed")
}
