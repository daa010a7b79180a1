package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func completed(t *testing.T, words ...string) []string {
	t.Helper()
	var out bytes.Buffer
	require.Zero(t, run(append([]string{completeWord}, words...), console{out: &out, err: &out}))
	var all []string
	for line := range strings.Lines(out.String()) {
		word, _, found := strings.Cut(line, "\t")
		require.True(t, found, line)
		all = append(all, word)
	}
	return all
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for words, want := range map[string][]string{
		"pro":                               {"projects"},
		"projects ":                         {"list", "create", "delete"},
		"projects --js":                     {"--json"},
		"run w":                             {"watch"},
		"files cat --proj":                  {"--project"},
		"completion ":                       {"bash", "zsh", "fish"},
		"completion bash ":                  nil,
		"chat --agent ":                     nil,
		"chat --agent x --mod":              {"--model"},
		"chat --agent=x --mod":              {"--model"},
		"chat -- --mod":                     nil,
		"admin reset-password --revoke":     {"--revoke-keys"},
		"projects delete x --y":             {"--yes"},
		"nonsense --no-such-flag --another": nil,
	} {
		require.Equal(t, want, completed(t, strings.Split(words, " ")...), words)
	}
	require.Contains(t, completed(t, ""), "chat")
	require.NotContains(t, completed(t, ""), completeWord)
	require.Empty(t, completed(t))
}

// Bash itself asks the program through the script.
func TestBashCompletion(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	bin := filepath.Join(p.home, "zeblit")
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, bin))
	script := filepath.Join(p.home, "script")
	require.NoError(t, os.WriteFile(script, []byte(p.do(t, "completion", "bash")), 0o600))
	ask := exec.Command("bash", "--norc", "-c", `
source "$1"
complete -p zeblit
COMP_WORDS=("$2" projects --j); COMP_CWORD=2
_zeblit
printf '<%s>' "${COMPREPLY[@]}"
COMP_WORDS=("$2" completion ""); COMP_CWORD=2
_zeblit
printf '<%s>' "${COMPREPLY[@]}"`, "bash", script, bin)
	ask.Env = p.command().Env
	out, err := ask.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "complete -o default -F _zeblit zeblit\n<--json><bash><zsh><fish>", string(out))
	for shell, want := range map[string]string{"zsh": "#compdef zeblit", "fish": "complete --command zeblit"} {
		require.Contains(t, p.do(t, "completion", shell), want)
	}
	require.Equal(t, exitUsage, p.run(t, "", "completion", "powershell").code)
}
