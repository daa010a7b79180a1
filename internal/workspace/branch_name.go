package workspace

import (
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/internal/problem"
)

// maxBranch is the longest name of a branch, in bytes.
const maxBranch = 200

// The folders of branches that nobody names.
const (
	runFolder     = "run"     // runs
	forkFolder    = "fork"    // conversations that were forked
	checkFolder   = "check"   // a plan's result, while it is looked at once more
	commandFolder = "command" // what a command wrote that was merged meanwhile
)

// RunBranch is the name of the branch that a run of that id begins.
func RunBranch(runID string) string { return runFolder + "/" + runID }

// IsRunBranch says whether a branch is one that a run began.
func IsRunBranch(name string) bool { return strings.HasPrefix(name, runFolder+"/") }

// RecheckBranch is the name of the branch that a plan's result is looked at on once more;
// id tells plan and files.
func RecheckBranch(id string) string { return checkFolder + "/" + id }

// CommandBranch is the name of the branch for what a command of that id wrote beside
// another's commit.
func CommandBranch(commandID string) string { return commandFolder + "/" + commandID }

// ForkBranch is the name of the branch that a forked conversation of that id works on.
func ForkBranch(conversationID string) string { return forkFolder + "/" + conversationID }

// IsForkBranch says whether a branch is a forked conversation's.
func IsForkBranch(name string) bool { return strings.HasPrefix(name, forkFolder+"/") }

// checkNewBranch is CheckBranch for a name that a person gives.
func checkNewBranch(name string) error {
	for _, kept := range []string{runFolder, forkFolder, checkFolder, commandFolder} {
		if name == kept || strings.HasPrefix(name, kept+"/") {
			return problem.BadField("name", "names that begin with %q are kept for branches that nobody names", kept+"/")
		}
	}
	return CheckBranch(name)
}

// CheckBranch says what is wrong with a branch's name, as a BAD_USER_INPUT with the
// field "name", or nil. The rules are those of git-check-ref-format, and a name can't be
// taken for a commit's hash or an option of a command.
func CheckBranch(name string) error {
	switch {
	case name == "":
		return problem.BadField("name", "a branch needs a name")
	case len(name) > maxBranch:
		return problem.BadField("name", "a branch's name can have %d bytes at most", maxBranch)
	case !utf8.ValidString(name) || hasControl(name):
		return problem.BadField("name", "a branch's name must be valid UTF-8 without control characters")
	case strings.ContainsAny(name, ` ~^:?*[\`):
		return problem.BadField("name", `a branch's name can't have spaces, nor any of ~ ^ : ? * [ \`)
	case strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.HasSuffix(name, "."):
		return problem.BadField("name", `a branch's name can't have "..", "@{" or a "." at its end`)
	case name == "@" || name == "HEAD" || name[0] == '-':
		return problem.BadField("name", `a branch can't be called "@" or "HEAD", nor begin with "-"`)
	}
	for segment := range strings.SplitSeq(name, "/") {
		switch {
		case segment == "":
			return problem.BadField("name", `a branch's name can't begin or end with "/", nor have two together`)
		case segment[0] == '.' || strings.HasSuffix(segment, ".lock"):
			return problem.BadField("name", `no segment of a branch's name can begin with "." or end with ".lock"`)
		}
	}
	if _, hash := parseHash(name); hash {
		return problem.BadField("name", "a branch's name can't look like a commit's hash")
	}
	return nil
}
