package agent

import (
	"path"
	"slices"
	"strings"
)

// What several roles have.
var (
	reading  = []string{"list_files", "read_file", "read_console"}
	writing  = []string{"write_file", "edit_file"}
	running  = []string{"run_command", "read_command", "stop_command"}
	planning = []string{"create_plan", "add_tasks", "wait_for_tasks", "update_task", "resolve_conflict"}
	showing  = []string{"show_criterion"}
	asking   = []string{"ask_user", "ask_agent", "send_message"}
	scanning = []string{"scan_secrets", "scan_dependencies", "scan_code", "check_headers", "report_finding"}

	everything = []string{"*"}
)

// roster is the built-in crew, in the order in which it is shown.
var roster = []Role{
	{
		Slug: Default, Name: "Project Manager",
		Description: "Takes a request, answers small ones, plans larger ones for the crew, has the work merged, and reports what is shown to be done.",
		Tools:       slices.Concat(reading, writing, planning, asking), Writes: everything,
		Tier: "standard", Temperature: 0.3, MaxOutputTokens: 8192,
	},
	{
		Slug: "product-manager", Name: "Product Manager",
		Description: "Turns what is wanted into a specification with user stories and acceptance criteria, and compares with it what was built. Writes no code and runs nothing.",
		Tools:       slices.Concat(reading, writing, showing, asking), Writes: []string{"docs/*.md", "docs/*.json", "docs/*.yaml"},
		Tier: "standard", Temperature: 0.4, MaxOutputTokens: 8192,
	},
	{
		Slug: "architect", Name: "System Architect",
		Description: "Decides structure, technology and interfaces, and writes down why.",
		Tools:       slices.Concat(reading, writing, showing, asking), Writes: []string{"*.md", "*.yaml", "*.yml", "*.json", "*.py", "*.ts"},
		Tier: "complex", Temperature: 0.3, MaxOutputTokens: 8192,
	},
	{
		Slug: "data-analyst", Name: "Data Analyst",
		Description: "Designs databases: tables, keys, indexes, queries and migrations.",
		Tools:       slices.Concat(reading, writing, showing, asking), Writes: []string{"*.sql", "*.py", "*.json", "*.csv", "*.yaml", "*.yml", "*.md"},
		Tier: "standard", Temperature: 0.2, MaxOutputTokens: 8192,
	},
	{
		Slug: "engineer", Name: "Senior Engineer",
		Description: "Writes, changes, tests and explains the project's code.",
		Tools:       slices.Concat(reading, writing, running, showing, asking), Writes: everything,
		Tier: "standard", Temperature: 0.2, MaxOutputTokens: 8192,
	},
	{
		Slug: "platform-engineer", Name: "Platform Engineer",
		Description: "Builds, packages and runs the project: containers, continuous integration, scripts, configuration.",
		Tools:       slices.Concat(reading, writing, running, showing, asking),
		Writes: []string{
			"*.yaml", "*.yml", "*.json", "*.toml", "*.sh", "*.py", "*.md", "*.conf", "*.ini", "*.tf",
			"Dockerfile", "Dockerfile.*", "Makefile", ".gitignore", ".dockerignore", ".env.example",
		},
		Tier: "standard", Temperature: 0.2, MaxOutputTokens: 8192,
	},
	{
		Slug: "security-engineer", Name: "Security Engineer",
		Description: "Looks for security flaws in what the crew builds, and says how to mend them. Changes nothing and runs nothing.",
		Tools:       slices.Concat(reading, scanning, showing, asking),
		Tier:        "standard", Temperature: 0.1, MaxOutputTokens: 8192,
	},
}

// Allows says whether the role may change the file with its tools. A pattern is a file's
// name, or a path with a folder before it and below which the file may lie at any depth;
// * stands for any characters but /.
func (r Role) Allows(file string) bool {
	for _, pattern := range r.Writes {
		folder, name := path.Split(pattern)
		if folder != "" && !strings.HasPrefix(file, folder) {
			continue
		}
		if fits, err := path.Match(name, path.Base(file)); err == nil && fits {
			return true
		}
	}
	return false
}

// WritesCode says whether what the role changes needs to be looked at by others.
func (r Role) WritesCode() bool {
	return slices.Contains(r.Tools, "run_command") || r.Allows("x.py")
}
