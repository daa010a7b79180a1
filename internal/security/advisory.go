package security

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/mod/semver"

	"github.com/zeblit/zeblit/ent/enum"
)

//go:embed advisories.tsv
var advisoryTable string

// advisory is a known flaw of some versions of a package.
type advisory struct {
	id, ecosystem, pkg string
	affected           versions
	fixed              string
	severity           enum.Severity
	text               string
}

type advisoryList struct {
	date string
	all  []advisory
}

var bundled = sync.OnceValue(func() advisoryList {
	list, err := readAdvisories(advisoryTable)
	if err != nil {
		panic(err) // it is part of the program, and a test reads it
	}
	return list
})

func advisories() []advisory { return bundled().all }

// AdvisoriesDate is the day of the latest advisory on the bundled list, as 2006-01-02.
func AdvisoriesDate() string { return bundled().date }

func readAdvisories(table string) (list advisoryList, err error) {
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		if date, ok := strings.CutPrefix(line, "# date "); ok {
			list.date = date
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 7 {
			return list, fmt.Errorf("advisory %q has %d fields", line, len(f))
		}
		a := advisory{id: f[0], ecosystem: f[1], pkg: f[2], fixed: f[4], severity: enum.Severity(f[5]), text: f[6]}
		if a.severity.Rank() == 0 {
			return list, fmt.Errorf("advisory %s: severity %q", a.id, f[5])
		}
		if a.affected, err = readVersions(f[3]); err != nil {
			return list, fmt.Errorf("advisory %s: %w", a.id, err)
		}
		list.all = append(list.all, a)
	}
	return list, nil
}

// versions are ranges, of which each is bounds that all must hold.
type versions [][]bound

// bound is a side of a range: the version as it is compared, and as it is written.
type bound struct{ operator, version, text string }

// readVersions reads ranges as ">=1.0.0 <1.2.6 || <0.2.4".
func readVersions(text string) (all versions, err error) {
	for _, part := range strings.Split(text, "||") {
		var bounds []bound
		for _, word := range strings.Fields(part) {
			operator := strings.TrimRight(word, "0123456789.-abcdefghijklmnopqrstuvwxyz")
			text := strings.TrimPrefix(word, operator)
			version, ok := canonical(text)
			if !ok || operator != "<" && operator != ">=" {
				return nil, fmt.Errorf("not a bound: %q", word)
			}
			bounds = append(bounds, bound{operator, version, text})
		}
		all = append(all, bounds)
	}
	return all, nil
}

// have says whether a version is in a range, and where that range ends; "" for one without an end.
func (v versions) have(version string) (end string, in bool) {
	for _, bounds := range v {
		end, in = "", true
		for _, b := range bounds {
			c := semver.Compare(version, b.version)
			in = in && (b.operator == "<" && c < 0 || b.operator == ">=" && c >= 0)
			if b.operator == "<" {
				end = b.text
			}
		}
		if in {
			return end, true
		}
	}
	return "", false
}

// remedy says what to use instead of a version of a range with that end: what was mended in
// its own line comes first.
func (a advisory) remedy(end string) string {
	if strings.Contains(a.fixed, "/") {
		return fmt.Sprintf("Use %s instead.", a.fixed)
	}
	own, _ := canonical(end)
	last, _ := canonical(a.fixed)
	switch c := semver.Compare(own, last); {
	case end == "" || c == 0:
		return fmt.Sprintf("Use %s %s or later.", a.pkg, a.fixed)
	case c > 0: // early versions of what comes after the last line
		return fmt.Sprintf("Use %s %s or later.", a.pkg, end)
	}
	return fmt.Sprintf("Use %s %s, or %s or later.", a.pkg, end, a.fixed)
}

// canonical writes a version as package semver compares it; false for what is none.
func canonical(version string) (string, bool) {
	version, _, _ = strings.Cut(strings.TrimSpace(version), "+") // as +incompatible, which doesn't decide
	number, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), "-")
	parts := strings.Split(number, ".")
	for i, p := range parts {
		if trimmed := strings.TrimLeft(p, "0"); trimmed != "" {
			parts[i] = trimmed
		} else if p != "" {
			parts[i] = "0"
		}
	}
	for len(parts) < 3 {
		parts = append(parts, "0")
	}
	if len(parts) == 4 && rest == "" {
		parts = parts[:3] // a fourth number doesn't decide here
	}
	out := "v" + strings.Join(parts, ".")
	if rest != "" {
		out += "-" + rest
	}
	return out, semver.IsValid(out)
}
