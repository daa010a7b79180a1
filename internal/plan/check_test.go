package plan

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/problem"
)

func draft(key, role string, needs ...string) tools.TaskDraft {
	return tools.TaskDraft{Key: key, Title: "Do " + key, Role: role, Criteria: []string{"it is done"}, DependsOn: needs}
}

func TestWhatIsWrongWithAPlanIsSaid(t *testing.T) {
	t.Parallel()
	with := func(change func(*tools.TaskDraft)) []tools.TaskDraft {
		d := draft("a", "engineer")
		change(&d)
		return []tools.TaskDraft{draft("z", "architect"), d}
	}
	for field, c := range map[string]struct {
		tasks []tools.TaskDraft
		words string
	}{
		"tasks":                {[]tools.TaskDraft{draft("a", "engineer", "b"), draft("b", "engineer", "c"), draft("c", "engineer", "a")}, "a → b → c → a"},
		"tasks[1].role":        {with(func(d *tools.TaskDraft) { d.Role = "wizard" }), "there are: manager, product-manager"},
		"tasks[1].criteria":    {with(func(d *tools.TaskDraft) { d.Criteria = nil }), "has to be shown"},
		"tasks[1].criteria[0]": {with(func(d *tools.TaskDraft) { d.Criteria = []string{"  "} }), "of text"},
		"tasks[1].depends_on":  {with(func(d *tools.TaskDraft) { d.DependsOn = []string{"nobody"} }), `no task "nobody"`},
		"tasks[1].title":       {with(func(d *tools.TaskDraft) { d.Title = " " }), "1 to 120"},
		"tasks[1].key":         {with(func(d *tools.TaskDraft) { d.Key = "z" }), "used once"},
		"tasks[1].priority":    {with(func(d *tools.TaskDraft) { d.Priority = "SOON" }), "URGENT"},
		"tasks[1].description": {with(func(d *tools.TaskDraft) { d.Description = strings.Repeat("x", 9<<10) }), "at most"},
	} {
		p := problem.As(new(Service).Check(c.tasks))
		require.NotNil(t, p, field)
		require.Equal(t, problem.BadInput, p.Code)
		require.Equal(t, field, p.Field)
		require.Contains(t, p.Message, c.words)
	}
	require.Error(t, new(Service).Check(nil))
	require.Error(t, new(Service).Check([]tools.TaskDraft{draft("a", "manager")}))
	require.Error(t, new(Service).Check([]tools.TaskDraft{draft("a", "engineer", "a")}), "a task that waits for itself")
	require.NoError(t, new(Service).Check(with(func(*tools.TaskDraft) {})))
}

// What has no cycle is put in an order in which each comes after what it needs, and what
// has one is refused.
func TestAnyGraphIsOrderedOrRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "n")
		key := func(i int) string { return string(rune('a' + i)) }
		var all []tools.TaskDraft
		for i := range n {
			d := draft(key(i), "engineer")
			for _, on := range rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, min(3, n), rapid.ID[int]).Draw(rt, "needs") {
				d.DependsOn = append(d.DependsOn, key(on))
			}
			all = append(all, d)
		}
		// A second opinion: take away what needs nothing, until nothing is left or nothing can.
		left := map[string][]string{}
		for _, d := range all {
			left[d.Key] = d.DependsOn
		}
		for again := true; again; {
			again = false
			for k, needs := range left {
				free := true
				for _, on := range needs {
					if _, waits := left[on]; waits {
						free = false
					}
				}
				if free {
					delete(left, k)
					again = true
				}
			}
		}
		err := new(Service).Check(all)
		require.Equal(rt, len(left) > 0, err != nil)
		if err != nil {
			return
		}
		done := map[string]bool{}
		for _, d := range inOrder(all) {
			for _, on := range d.DependsOn {
				require.True(rt, done[on])
			}
			done[d.Key] = true
		}
		require.Len(rt, done, n)
	})
}

// An agent decides on a conflict as it writes a file: what its role may not write, and what
// others couldn't read, is refused.
func TestADecisionIsHeldToWhatItsAgentMayWrite(t *testing.T) {
	t.Parallel()
	stories := "[{]"
	for slug, allowed := range map[string]map[string]bool{
		"manager": {"main.go": true, "docs/user-stories.json": false}, "product-manager": {"main.go": false}, "": {"main.go": true, "docs/user-stories.json": true},
	} {
		ctx := access.WithViewer(t.Context(), access.Viewer{UserID: "usr_a", Agent: slug})
		for path, is := range allowed {
			err := mayDecide(ctx, []merge.Decision{{Path: path, Text: &stories}})
			require.Equal(t, is, err == nil, "%s %s: %v", slug, path, err)
		}
	}
}

func TestEveryPlanThatChangesCodeIsLookedAt(t *testing.T) {
	t.Parallel()
	roles := func(tasks []tools.TaskDraft) (out []string) {
		for _, d := range tasks {
			out = append(out, d.Role)
		}
		return out
	}
	require.Equal(t, []string{"engineer", "security-engineer", "product-manager"}, roles(withReviews([]tools.TaskDraft{draft("a", "engineer")})))
	require.Equal(t, []string{"product-manager"}, roles(withReviews([]tools.TaskDraft{draft("a", "product-manager")})), "words alone need no look")

	// A look before the work is none after it.
	early := []tools.TaskDraft{draft("s", "security-engineer"), draft("p", "product-manager"), draft("a", "engineer", "s", "p")}
	require.Len(t, withReviews(early), 5)
	late := []tools.TaskDraft{draft("a", "engineer"), draft("b", "platform-engineer", "a"), draft("s", "security-engineer", "b"), draft("p", "product-manager", "b")}
	require.Len(t, withReviews(late), 4)
	require.NoError(t, new(Service).Check(withReviews(early)))
}
