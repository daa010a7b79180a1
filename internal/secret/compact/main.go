// Command compact writes the table of the secrets that package secret looks for, from
// gitleaks' rules. Only the rules' text is wanted of it, so the module is downloaded and
// not imported: its program needs some hundred others.
//
//	go generate ./internal/secret
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

const (
	module  = "github.com/zricethezav/gitleaks/v8"
	version = "v8.30.1"
)

type rules struct {
	Allowlist allowlist
	Rules     []struct {
		ID          string
		Description string
		Regex       string
		Path        string
		SecretGroup int
		Entropy     float64
		Keywords    []string
		Allowlists  []allowlist
	}
}

// allowlist is what is no secret though it looks like one. One that asks for several
// things at once is left out: what it allows is reported.
type allowlist struct {
	Condition   string
	RegexTarget string
	Regexes     []string
	StopWords   []string
}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file, allowed string) error {
	folder, err := download()
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(folder, "config", "gitleaks.toml"))
	if err != nil {
		return err
	}
	var found rules
	if err := toml.Unmarshal(raw, &found); err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	var lines, allow []string
	if allow, err = found.Allowlist.lines("*"); err != nil {
		return err
	}
	for _, r := range found.Rules {
		if r.Regex == "" {
			continue // it looks at names of files
		}
		if _, err := regexp.Compile(r.Regex); err != nil {
			return fmt.Errorf("rule %s: %w", r.ID, err)
		}
		if _, err := regexp.Compile(r.Path); err != nil {
			return fmt.Errorf("files of rule %s: %w", r.ID, err)
		}
		for i, k := range r.Keywords {
			r.Keywords[i] = strings.ToLower(k)
		}
		lines = append(lines, strings.Join([]string{
			r.ID, strconv.Itoa(r.SecretGroup), strconv.FormatFloat(r.Entropy, 'g', -1, 64), strings.Join(r.Keywords, " "), r.Description, r.Path, r.Regex,
		}, "\t"))
		for _, a := range r.Allowlists {
			more, err := a.lines(r.ID)
			if err != nil {
				return err
			}
			allow = append(allow, more...)
		}
	}
	slices.Sort(lines)
	head := fmt.Sprintf("# From the rules of %s %s (MIT licence): id, group of the secret, least entropy, keywords, what it is, its files, pattern.\n", module, version)
	if err := os.WriteFile(file, []byte(head+strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	head = fmt.Sprintf("# From the rules of %s %s (MIT licence), what is no secret: rule or *, where to look, word or pattern, the same.\n", module, version)
	return os.WriteFile(allowed, []byte(head+strings.Join(allow, "\n")+"\n"), 0o644)
}

func (a allowlist) lines(rule string) (lines []string, err error) {
	if strings.EqualFold(a.Condition, "AND") {
		return nil, nil
	}
	target := cmp.Or(a.RegexTarget, "secret")
	for _, pattern := range a.Regexes {
		if _, err := regexp.Compile(pattern); err != nil {
			return nil, fmt.Errorf("allowlist of %s: %w", rule, err)
		}
		lines = append(lines, strings.Join([]string{rule, target, "pattern", pattern}, "\t"))
	}
	for _, word := range a.StopWords {
		lines = append(lines, strings.Join([]string{rule, "secret", "word", strings.ToLower(word)}, "\t"))
	}
	return lines, nil
}

// download brings the module into Go's cache, where its sum is checked.
func download() (folder string, err error) {
	out, err := exec.Command("go", "mod", "download", "-json", module+"@"+version).Output()
	if err != nil {
		return "", fmt.Errorf("download %s: %w: %s", module, err, out)
	}
	var answer struct{ Dir string }
	if err := json.Unmarshal(out, &answer); err != nil {
		return "", err
	}
	return answer.Dir, nil
}
