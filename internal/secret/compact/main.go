// Command compact writes the table of the secrets that package secret looks for, from
// gitleaks' rules. Only the rules' text is wanted of it, so the module is downloaded and
// not imported: its program needs some hundred others.
//
//	go generate ./internal/secret
package main

import (
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
	Rules []struct {
		ID          string
		Regex       string
		SecretGroup int
		Entropy     float64
		Keywords    []string
	}
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
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
	var lines []string
	for _, r := range found.Rules {
		if r.Regex == "" {
			continue // it looks at names of files
		}
		if _, err := regexp.Compile(r.Regex); err != nil {
			return fmt.Errorf("rule %s: %w", r.ID, err)
		}
		for i, k := range r.Keywords {
			r.Keywords[i] = strings.ToLower(k)
		}
		lines = append(lines, strings.Join([]string{
			r.ID, strconv.Itoa(r.SecretGroup), strconv.FormatFloat(r.Entropy, 'g', -1, 64), strings.Join(r.Keywords, " "), r.Regex,
		}, "\t"))
	}
	slices.Sort(lines)
	head := fmt.Sprintf("# From the rules of %s %s (MIT licence): id, group of the secret, least entropy, keywords, pattern.\n", module, version)
	return os.WriteFile(file, []byte(head+strings.Join(lines, "\n")+"\n"), 0o644)
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
