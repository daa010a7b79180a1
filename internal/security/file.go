package security

import (
	"bytes"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// What a scan reads. What is beyond is a gap, and says so.
const (
	maxFile  = 1 << 20  // bytes of one file
	maxTotal = 24 << 20 // bytes of all files
	maxLine  = 20 << 10 // bytes of a line; longer ones are written by programs
)

var languages = map[string]string{
	".js": "js", ".jsx": "js", ".mjs": "js", ".cjs": "js", ".ts": "js", ".tsx": "js", ".mts": "js", ".cts": "js",
	".py": "python", ".pyw": "python", ".go": "go",
	".html": "html", ".htm": "html", ".vue": "html", ".svelte": "html", ".ejs": "html", ".hbs": "html", ".mustache": "html",
	".jinja": "html", ".jinja2": "html", ".j2": "html", ".njk": "html", ".tmpl": "html", ".gohtml": "html",
	".sql": "sql", ".sh": "shell", ".bash": "shell", ".zsh": "shell", ".dockerfile": "dockerfile",
	".yaml": "yaml", ".yml": "yaml",
	".env": "config", ".ini": "config", ".cfg": "config", ".conf": "config", ".properties": "config", ".toml": "config",
}

// foreign are languages of which no rule knows anything.
var foreign = map[string]string{
	".java": "Java", ".kt": "Kotlin", ".rb": "Ruby", ".php": "PHP", ".rs": "Rust", ".cs": "C#", ".c": "C", ".cc": "C++", ".cpp": "C++",
	".swift": "Swift", ".scala": "Scala", ".ex": "Elixir", ".dart": "Dart", ".lua": "Lua", ".pl": "Perl", ".r": "R", ".ps1": "PowerShell",
	".tf": "Terraform", ".sol": "Solidity",
}

func languageOf(file string) string {
	base := strings.ToLower(path.Base(file))
	switch {
	case base == "dockerfile" || base == "containerfile" || strings.HasPrefix(base, "dockerfile."):
		return "dockerfile"
	case base == ".env" || strings.HasPrefix(base, ".env."):
		return "config"
	}
	return languages[path.Ext(base)]
}

var (
	vendored = regexp.MustCompile(`(?:^|/)(?:node_modules|bower_components|vendor|third_party|\.venv|venv|site-packages|\.git|\.next|\.nuxt|__pycache__)/`)
	built    = regexp.MustCompile(`(?:^|/)(?:dist|build|out)/|\.min\.(?:js|css)$|\.map$|\.bundle\.js$`)
	tests    = regexp.MustCompile(`(?:^|/)(?:tests?|__tests__|__mocks__|spec|fixtures|testdata|e2e)/|_test\.(?:go|py)$|(?:^|/)test_[^/]*\.py$|(?:^|/)conftest\.py$|\.(?:test|spec)\.[cm]?[jt]sx?$`)
	locks    = regexp.MustCompile(`(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|go\.sum|poetry\.lock|uv\.lock|Pipfile\.lock|Cargo\.lock|composer\.lock|Gemfile\.lock)$`)
)

func isText(content []byte) bool {
	return bytes.IndexByte(content, 0) < 0 && utf8.Valid(content)
}

// written says whether a person wrote it, by the length of its lines.
func written(text string) bool {
	for line := range strings.Lines(text) {
		if len(line) > maxLine {
			return false
		}
	}
	return true
}
