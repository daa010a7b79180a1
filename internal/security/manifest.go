package security

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/ent/enum"
)

// maxManifest is the longest manifest that is read, in bytes.
const maxManifest = 8 << 20

// dependency is a package that a manifest asks for.
type dependency struct {
	ecosystem, name string
	version         string // exact; "" where only a range is known
	wanted          string // as it is written
	line            int
}

// manifests are the files of a tree that say what it depends on.
type manifests struct {
	texts map[string]string
	order []string
}

var readers = map[string]func(text string) ([]dependency, error){
	"package.json":      readPackageJSON,
	"package-lock.json": readPackageLock,
	"go.mod":            readGoMod,
	"pyproject.toml":    readPyproject,
	"poetry.lock":       readPythonLock,
	"uv.lock":           readPythonLock,
}

// unread are manifests that nothing here can read.
var unread = []string{
	"yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "npm-shrinkwrap.json", "Pipfile.lock", "Pipfile", "setup.py", "environment.yml",
	"Cargo.toml", "Cargo.lock", "composer.json", "composer.lock", "Gemfile", "Gemfile.lock", "pom.xml", "build.gradle", "build.gradle.kts",
}

func isRequirements(file string) bool {
	base := path.Base(file)
	return strings.HasPrefix(base, "requirements") && strings.HasSuffix(base, ".txt") || path.Base(path.Dir(file)) == "requirements" && path.Ext(base) == ".txt"
}

func isManifest(file string) bool {
	base := path.Base(file)
	return readers[base] != nil || isRequirements(file) || slices.Contains(unread, base)
}

func (m *manifests) add(file, text string) {
	if m.texts == nil {
		m.texts = map[string]string{}
	}
	m.texts[file] = text
	m.order = append(m.order, file)
}

func (m *manifests) has(folder string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, ok := m.texts[path.Join(folder, name)]
		return ok
	})
}

func (m *manifests) check(s *scan) {
	if len(m.order) == 0 {
		s.gap(enum.CheckDependencies, "dependencies", "there is no manifest that names any")
	}
	for _, file := range m.order {
		base, folder := path.Base(file), path.Dir(file)
		read := readers[base]
		if isRequirements(file) {
			read = readRequirements
		}
		if read == nil {
			s.gap(enum.CheckDependencies, file, "this kind of manifest is not read")
			continue
		}
		// Where there is a lock file it knows what is installed.
		if base == "package.json" && m.has(folder, "package-lock.json") || base == "pyproject.toml" && m.has(folder, "poetry.lock", "uv.lock") {
			continue
		}
		found, err := read(m.texts[file])
		if err != nil {
			s.gap(enum.CheckDependencies, file, "it can't be read as what its name says")
			continue
		}
		s.compare(file, found)
	}
}

// compare looks dependencies up on the list.
func (s *scan) compare(file string, found []dependency) {
	at := linesOf(s.manifests.texts[file])
	var open []string
	for _, d := range found {
		version, exact := canonical(d.version)
		if !exact || d.version == "" {
			open = append(open, strings.TrimSpace(d.name+" "+d.wanted))
			continue
		}
		for _, a := range advisories() {
			if a.ecosystem != d.ecosystem || a.pkg != d.name {
				continue
			}
			end, affected := a.affected.have(version)
			if !affected {
				continue
			}
			s.found = append(s.found, Finding{
				Check: enum.CheckDependencies, Rule: a.id, Title: fmt.Sprintf("%s %s: %s", d.name, d.version, a.text), File: file, Line: d.line,
				Severity: a.severity, Evidence: Evidence(fmt.Sprintf("%s %s", d.name, d.version) + whereIn(at, d)), Remedy: a.remedy(end), CWE: 1395,
			})
		}
	}
	if len(open) > 0 {
		shown := strings.Join(open[:min(len(open), 8)], ", ")
		if len(open) > 8 {
			shown += fmt.Sprintf(" and %d more", len(open)-8)
		}
		s.gap(enum.CheckDependencies, file+": "+shown, "the version that gets installed isn't known: a lock file or exact versions say it")
	}
}

// whereIn quotes the line, unless it says no more than the name and version.
func whereIn(at lines, d dependency) string {
	if d.line < 1 || d.line > len(at.starts) {
		return ""
	}
	return " (" + strings.TrimSpace(at.line(d.line)) + ")"
}
