package shell

import (
	"path"
	"slices"
	"strings"
)

// manyFiles is how many named files count as many.
const manyFiles = 20

// Worktree is where a project's files are for its commands: what lies right below is
// whole branches.
const Worktree = "/work"

// whole says whether a path is all of the project, all of the machine, or somebody's home.
func (r *reader) whole(p string) bool {
	clean := path.Clean(p)
	switch {
	case clean == "." || clean == ".." || clean == "*" || clean == ".*" || strings.HasPrefix(clean, "../"):
		return true
	case clean == ".git" || strings.HasPrefix(clean, ".git/"):
		return true
	case strings.HasPrefix(clean, "/tmp/") || strings.HasPrefix(clean, "/var/tmp/") || strings.HasPrefix(clean, "/dev/shm/"):
		return strings.Trim(path.Base(clean), "*") == "" && strings.Count(clean, "/") < 2
	case strings.HasPrefix(clean, Worktree+"/"):
		rest := strings.Split(strings.TrimPrefix(clean, Worktree+"/"), "/")
		return len(rest) < 2 || strings.ContainsAny(rest[0], "*?[") || strings.Trim(rest[1], "*") == "" || rest[1] == ".git"
	case path.IsAbs(clean):
		return true
	}
	first, _, _ := strings.Cut(clean, "/")
	return strings.Trim(first, "*?.") == "" && strings.ContainsAny(first, "*?") // */src, ?*
}

func (r *reader) remove(name string, args []word) {
	recursive := name == "rimraf" || name == "del"
	var targets []word
	plain := false
	for _, a := range args {
		switch {
		case plain || !strings.HasPrefix(a.text, "-"):
			targets = append(targets, a)
		case a.text == "--":
			plain = true
		case a.text == "--recursive", !strings.HasPrefix(a.text, "--") && strings.ContainsAny(a.text, "rR"):
			recursive = true
		case a.text == "--no-preserve-root":
			r.destroys("removes the root folder")
		}
	}
	if len(targets) > manyFiles {
		r.destroys("removes many files")
	}
	for _, t := range targets {
		switch {
		case recursive && !t.known:
			r.destroys("removes folders whose names are only known when it runs")
		case recursive && r.elsewhere && !path.IsAbs(t.text):
			r.destroys("removes folders somewhere else")
		case r.whole(t.text) && (recursive || strings.ContainsAny(t.text, "*?")):
			r.destroys("removes all of " + t.text)
		case path.IsAbs(t.text) && r.whole(t.text):
			r.destroys("removes " + t.text)
		}
	}
}

func (r *reader) dd(args []word) {
	for _, a := range args {
		if to, ok := strings.CutPrefix(a.text, "of="); ok && (!a.known || strings.HasPrefix(to, "/")) {
			r.destroys("writes over " + to)
		}
	}
}

// everywhere reads changes of rights and owners.
func (r *reader) everywhere(name string, args []word) {
	recursive := slices.ContainsFunc(args, func(w word) bool {
		return w.text == "--recursive" || strings.HasPrefix(w.text, "-") && !strings.HasPrefix(w.text, "--") && strings.Contains(w.text, "R")
	})
	for _, a := range args {
		if recursive && (!a.known || path.IsAbs(a.text) && r.whole(a.text)) {
			r.destroys(name + " changes all of " + a.text)
		}
	}
}

// move reads what puts files somewhere else.
func (r *reader) move(name string, args []word) {
	var plain []word
	for _, a := range args {
		if !strings.HasPrefix(a.text, "-") {
			plain = append(plain, a)
		} else if name == "rsync" && strings.HasPrefix(a.text, "--delete") {
			r.destroys("rsync deletes what its source has not")
		}
	}
	if len(plain) == 0 {
		return
	}
	if name == "rsync" && slices.ContainsFunc(plain, func(w word) bool { return strings.Contains(w.text, ":") }) {
		r.network("rsync reaches other machines")
	}
	if name == "mv" {
		for _, from := range plain[:len(plain)-1] {
			if r.whole(from.text) {
				r.destroys("moves all of " + from.text + " away")
			}
		}
		if plain[len(plain)-1].text == "/dev/null" {
			r.destroys("moves files to nowhere")
		}
	}
}

// gitCommand is git's subcommand with its arguments, without git's own flags.
func gitCommand(args []word) (rest []word, sub string, configured bool) {
	for i := 0; i < len(args); i++ {
		a := args[i].text
		switch {
		case a == "-c" || a == "--exec-path" || a == "--config-env":
			configured = true
			i++
		case a == "-C" || a == "--git-dir" || a == "--work-tree" || a == "--namespace":
			i++
		case strings.HasPrefix(a, "-"):
		default:
			return args[i+1:], a, configured
		}
	}
	return nil, "", configured
}

func (r *reader) git(args []word) {
	rest, sub, configured := gitCommand(args)
	if configured {
		r.destroys("git -c may make git run any program")
	}
	has := func(flags ...string) bool {
		return slices.ContainsFunc(rest, func(w word) bool {
			if slices.Contains(flags, w.text) {
				return true
			}
			for _, f := range flags { // -fd has -f
				if len(f) == 2 && len(w.text) > 2 && w.text[0] == '-' && w.text[1] != '-' && strings.Contains(w.text, f[1:]) {
					return true
				}
			}
			return false
		})
	}
	starts := func(prefix string) bool {
		return slices.ContainsFunc(rest, func(w word) bool { return strings.HasPrefix(w.text, prefix) })
	}
	if set("push pull fetch clone ls-remote send-email request-pull svn p4")[sub] || sub == "remote" && has("update", "show", "prune") || sub == "submodule" && !has("status") {
		r.network("git " + sub + " reaches other machines")
	}
	switch {
	case sub == "push" && (has("-f", "--force", "--mirror", "--delete", "-d", "--prune") || starts("--force-") || starts("+") || starts(":")):
		r.destroys("git push overwrites or deletes what others have")
	case sub == "reset" && has("--hard", "--merge", "--keep"), sub == "clean" && has("-f", "--force", "-x", "-X", "-d"),
		sub == "checkout" && has(".", "-f", "--force", ":/"), sub == "restore" && has(".", ":/"), sub == "switch" && has("-f", "--force", "--discard-changes"),
		sub == "stash" && has("drop", "clear"):
		r.destroys("git " + sub + " throws changes away")
	case sub == "branch" && has("-D", "--force"), sub == "tag" && has("-d", "--delete"), sub == "update-ref" && has("-d"), sub == "reflog" && has("expire", "delete"),
		sub == "gc" && starts("--prune"), sub == "filter-branch", sub == "filter-repo", sub == "worktree" && has("remove"):
		r.destroys("git " + sub + " rewrites or deletes history")
	case sub == "rm" && has("-r"):
		r.remove("rm", rest)
	}
}
