package security

import (
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

var requirement = regexp.MustCompile(`^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)`)

// pythonName is a package's name as the index compares names.
func pythonName(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
}

// pythonExact is the version that a wish as "==1.2.3" pins, or "".
func pythonExact(wanted string) string {
	version, ok := strings.CutPrefix(strings.TrimSpace(wanted), "==")
	if !ok || strings.ContainsAny(version, ",*") {
		return ""
	}
	return exact(strings.TrimLeft(version, "= "))
}

func readRequirements(text string) (found []dependency, err error) {
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, "-") || strings.Contains(trimmed, "://") {
			continue
		}
		if m := requirement.FindStringSubmatch(trimmed); m != nil {
			wanted := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(m[2]), `\`))
			found = append(found, dependency{"pypi", pythonName(m[1]), pythonExact(wanted), wanted, i + 1})
		}
	}
	return found, nil
}

func readPyproject(text string) (found []dependency, err error) {
	var in struct {
		Project struct {
			Dependencies []string
			Optional     map[string][]string `toml:"optional-dependencies"`
		}
		Tool struct {
			Poetry struct {
				Dependencies map[string]any
			}
		}
	}
	if err := toml.Unmarshal([]byte(text), &in); err != nil {
		return nil, err
	}
	all := strings.Split(text, "\n")
	wishes := in.Project.Dependencies
	for _, more := range in.Project.Optional {
		wishes = append(wishes, more...)
	}
	for _, wish := range wishes {
		if m := requirement.FindStringSubmatch(wish); m != nil {
			found = append(found, dependency{"pypi", pythonName(m[1]), pythonExact(m[2]), strings.TrimSpace(m[2]), lineWith(all, 0, wish)})
		}
	}
	for name, wish := range in.Tool.Poetry.Dependencies {
		wanted, _ := wish.(string)
		if table, ok := wish.(map[string]any); ok {
			wanted, _ = table["version"].(string)
		}
		if name != "python" {
			found = append(found, dependency{"pypi", pythonName(name), exact(strings.TrimLeft(wanted, "= ")), wanted, lineWith(all, 0, name, wanted)})
		}
	}
	return sorted(found), nil
}

func readPythonLock(text string) (found []dependency, err error) {
	var in struct {
		Package []struct {
			Name, Version string
			Source        map[string]any
		}
	}
	if err := toml.Unmarshal([]byte(text), &in); err != nil {
		return nil, err
	}
	all, from := strings.Split(text, "\n"), 0
	for _, p := range in.Package {
		if p.Source["virtual"] != nil || p.Source["editable"] != nil {
			continue // the project itself
		}
		line := lineWith(all, from, `name = "`+p.Name+`"`)
		from = max(from, line-1)
		found = append(found, dependency{"pypi", pythonName(p.Name), p.Version, p.Version, line})
	}
	return found, nil
}
