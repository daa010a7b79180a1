package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

func TestExecEndsAsTheCommandDoes(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.SandboxInside = sandboxtest.Program(t)
	s := serve(t, cfg)
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir, "ZEBLIT_PROJECT=Site")
	p.do(t, "projects", "create", "Site")

	done := p.run(t, "", "exec", "-s", "echo out; echo err >&2; echo text > new.txt; exit 7")
	require.Equal(t, 7, done.code)
	require.Equal(t, "out\n", done.out)
	require.Contains(t, done.err, "err\n")
	require.Equal(t, "text\n", p.do(t, "files", "cat", "new.txt"))

	require.Equal(t, "a  b\n", p.do(t, "exec", "--", "echo", "a  b"), "no shell reads the words")
	require.Equal(t, 127, p.run(t, "", "exec", "no-such-program").code)
	require.Equal(t, exitLost, p.run(t, "", "exec", "-C", "nowhere", "true").code)
	require.Equal(t, exitUsage, p.run(t, "", "exec", "--").code)
	require.Equal(t, exitUsage, p.run(t, "", "exec", "-C", "../..", "true").code)
	require.Contains(t, p.do(t, "exec", "-b", "sleep", "60"), "cmd_")
}
