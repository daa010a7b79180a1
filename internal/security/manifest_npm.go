package security

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

var exactVersion = regexp.MustCompile(`^[v=]?\d+(?:\.\d+){0,3}(?:-[\w.]+)?$`)

// exact is the version that a wish pins, or "".
func exact(wanted string) string {
	if wanted = strings.TrimSpace(wanted); exactVersion.MatchString(wanted) {
		return strings.TrimLeft(wanted, "v=")
	}
	return ""
}

// lineWith is the number of the first line from a given one on that has all of the words.
func lineWith(all []string, from int, words ...string) int {
	for i := from; i < len(all); i++ {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all[i], w) }) {
			return i + 1
		}
	}
	return 1
}

func readPackageJSON(text string) (found []dependency, err error) {
	var in struct {
		Dependencies, DevDependencies, OptionalDependencies map[string]string
	}
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return nil, err
	}
	all := strings.Split(text, "\n")
	for _, wanted := range []map[string]string{in.Dependencies, in.DevDependencies, in.OptionalDependencies} {
		for name, version := range wanted {
			found = append(found, dependency{"npm", name, exact(version), version, lineWith(all, 0, `"`+name+`"`, version)})
		}
	}
	return sorted(found), nil
}

// locked is an entry of package-lock.json, of whichever version.
type locked struct {
	Version      string
	Link         bool
	Dependencies map[string]json.RawMessage
}

func readPackageLock(text string) (found []dependency, err error) {
	var in struct {
		Packages     map[string]locked
		Dependencies map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return nil, err
	}
	lineOf := map[string]int{} // of what stands before a colon, at its first place
	n := 0
	for line := range strings.Lines(text) {
		n++
		if key, _, ok := strings.Cut(strings.TrimSpace(line), `":`); ok && lineOf[key] == 0 {
			lineOf[key] = n
		}
	}
	for at, p := range in.Packages {
		i := strings.LastIndex(at, "node_modules/")
		if i < 0 || p.Link {
			continue // the project itself, or a part of it
		}
		found = append(found, dependency{"npm", at[i+len("node_modules/"):], p.Version, p.Version, max(1, lineOf[`"`+at])})
	}
	if in.Packages == nil {
		found = nested(in.Dependencies, lineOf, 0)
	}
	return sorted(found), nil
}

func nested(all map[string]json.RawMessage, lineOf map[string]int, depth int) (found []dependency) {
	for name, raw := range all {
		var p locked
		if json.Unmarshal(raw, &p) != nil {
			continue // what it requires, not what is installed
		}
		if p.Version != "" {
			found = append(found, dependency{"npm", name, p.Version, p.Version, max(1, lineOf[`"`+name])})
		}
		if depth < 50 {
			found = append(found, nested(p.Dependencies, lineOf, depth+1)...)
		}
	}
	return found
}

func sorted(all []dependency) []dependency {
	slices.SortFunc(all, func(a, b dependency) int {
		if a.name != b.name {
			return strings.Compare(a.name, b.name)
		}
		return a.line - b.line
	})
	return all
}

func readGoMod(text string) (found []dependency, err error) {
	in, err := modfile.ParseLax("go.mod", []byte(text), nil)
	if err != nil {
		return nil, err
	}
	for _, r := range in.Require {
		found = append(found, dependency{"go", r.Mod.Path, r.Mod.Version, r.Mod.Version, r.Syntax.Start.Line})
	}
	return found, nil
}
