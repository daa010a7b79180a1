package graph

import (
	"context"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// placement says where the fields of a type come from, when the type is reached from an
// event.
type placement struct {
	// snapshot are those that are answered from the event's entry in the log alone:
	// they read the same for everyone who may read the log, and take no arguments.
	snapshot string
	// current are all others: they read the current state, with the viewer's rights.
	current string
}

// placements holds every type that an event's snapshot can lead to, with each of its
// fields. A subscription that selects nothing but fields of snapshots is executed once
// for all who watch the same; one that selects any other field, one that stands in
// neither list, or a type that isn't here is executed for each by itself.
var placements = map[string]placement{
	"ProjectEvent":        {"cursor seq at type", "actor"},
	"ProjectUpdated":      {"cursor seq at type project", "actor"},
	"MessageAdded":        {"cursor seq at type message", "actor"},
	"MessageDelta":        {"cursor seq at type messageId runId offset text", "actor"},
	"MessageCompleted":    {"cursor seq at type message", "actor"},
	"ConversationChanged": {"cursor seq at type conversation deleted", "actor"},
	"RunStateChanged":     {"cursor seq at type run state", "actor"},
	"ToolCallStarted":     {"cursor seq at type toolCall", "actor"},
	"ToolCallOutput":      {"cursor seq at type toolCall text stream", "actor"},
	"ToolCallFinished":    {"cursor seq at type toolCall", "actor"},
	"FileChanged":         {"cursor seq at type path change revision branch", "actor"},
	"BranchChanged":       {"cursor seq at type name change tip", "actor"},
	"MergeChanged":        {"cursor seq at type merge", "actor"},
	"QuestionAsked":       {"cursor seq at type question", "actor"},
	"QuestionAnswered":    {"cursor seq at type question", "actor"},
	"FindingChanged":      {"cursor seq at type finding", "actor"},
	"PlanChanged":         {"cursor seq at type plan", "actor"},
	"TaskChanged":         {"cursor seq at type task deleted", "actor"},
	"CheckpointRestored":  {"cursor seq at type checkpointId undoId branch commit conversationId", "actor"},
	"CommandStarted":      {"cursor seq at type command", "actor"},
	"CommandOutput":       {"cursor seq at type commandId stream outputOffset text", "actor"},
	"CommandFinished":     {"cursor seq at type command", "actor"},
	"SandboxChanged":      {"cursor seq at type sandbox", "actor"},
	"UsageRecorded":       {"cursor seq at type runId usage", "actor record"},
	"BudgetReached":       {"cursor seq at type budgetId scope period level paused runId limit spent needed text", "actor"},
	"ConsoleOutput":       {"cursor seq at type entries cleared", "actor"},
	"ApprovalRequested":   {"cursor seq at type approval", "actor"},
	"ApprovalResolved":    {"cursor seq at type approval", "actor"},
	"StreamReset":         {"cursor seq at type reason", "actor"},

	"Node": {"id", ""},
	"Project": {
		"id name description planApproval createdAt updatedAt",
		"headCursor owner organisation members conversations messages runs questions commands sandbox files file commits branches merges checkpoints fileTree fileHistory blame storage usage budgets providerKeys consoleKey console consoleErrors plans tasks findings securityReport permissionRules approvals crew userStories decisions",
	},
	"Message": {
		"id role status text demo retracted unread createdAt completedAt",
		"agent author run conversation project toolCalls edits sender",
	},
	"Conversation": {"id title kind branch createdAt updatedAt", "project author task forkedFrom messages runs"},
	"Plan":         {"id summary state createdAt finishedAt", "project run tasks progress"},
	"Task": {
		"id title description state priority position attempts result problem createdAt startedAt finishedAt",
		"project plan agent author criteria dependencies run conversation",
	},
	"Run": {
		"id state branch model depth verification gaps waitsUntil waitsFor step createdAt startedAt finishedAt error deadlineAt cancelRequested pauseRequested",
		"agent conversation message project toolCalls retriedFrom parent askedBy children plan task usage usageRecords approvals checkpoints questions",
	},
	"Merge": {
		"id state source target base ours theirs result error createdAt startedAt finishedAt",
		"project run requestedBy position conflicts",
	},
	"Question": {
		"id text choices allowOther defaultAnswer deadlineAt state answer createdAt answeredAt",
		"project run conversation toolCall agent answeredBy",
	},
	"Finding": {
		"id check rule title file line severity evidence remedy cwe branch revision state reason createdAt seenAt",
		"project run agent decidedBy",
	},
	"Usage": {
		"calls inputTokens outputTokens cacheReadTokens cacheWriteTokens reasoningTokens cost unpricedCalls estimatedCalls failedCalls", "",
	},
	"ConsoleEntry": {
		"id level text stack fingerprint uncaught count url line column userAgent session createdAt",
		"project",
	},
	"Command": {
		"id branch shell argv directory background timeoutSeconds state exitCode signal note outputBytes keptBytes commit changedFiles sandboxGeneration createdAt startedAt finishedAt",
		"project user run toolCall output",
	},
	"Sandbox": {
		"id state reason driver generation memoryBytes diskBytes cpuMilliseconds processes sampledAt usedAt",
		"project",
	},
	"Approval": {
		"id class risk tool shown rule reason expiresAt state remember until decidedAt comment createdAt",
		"project run toolCall agent decidedBy",
	},
	"ToolCall": {
		"id name input output state createdAt startedAt finishedAt",
		"run message",
	},
}

// ofSnapshot is placements' first column, to look fields up in.
var ofSnapshot = func() map[string]map[string]bool {
	types := map[string]map[string]bool{}
	for name, placed := range placements {
		types[name] = map[string]bool{"__typename": true}
		for _, field := range strings.Fields(placed.snapshot) {
			types[name][field] = true
		}
	}
	return types
}()

// snapshotKey describes what the subscription that is being executed makes of events:
// where keys are equal, results are. ok is false where that depends on anything but the
// events. Fragments and directives are resolved, so variables are in it by what they do;
// so are the places of the fields in the document, which errors tell.
func snapshotKey(ctx context.Context) (key string, ok bool) {
	operation, field := graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field
	if len(operation.Operation.Directives) > 0 || len(field.Deferrables) > 0 {
		return "", false
	}
	k := keyer{variables: operation.Variables}
	k.text.WriteString(operation.Operation.Name)
	if !k.included(field.Directives) {
		return "", false
	}
	k.name(field.Field)
	k.selections(field.Selections)
	return k.text.String(), !k.refused
}

type keyer struct {
	variables map[string]any
	text      strings.Builder
	refused   bool
}

func (k *keyer) selections(set ast.SelectionSet) {
	k.text.WriteByte('{')
	for _, selection := range set {
		if k.refused {
			return
		}
		switch s := selection.(type) {
		case *ast.Field:
			if k.included(s.Directives) {
				k.field(s)
			}
		case *ast.InlineFragment:
			if k.included(s.Directives) {
				k.fragment(s.TypeCondition, s.SelectionSet)
			}
		case *ast.FragmentSpread:
			if k.included(s.Directives) && k.included(s.Definition.Directives) {
				k.fragment(s.Definition.TypeCondition, s.Definition.SelectionSet)
			}
		default:
			k.refused = true
		}
	}
	k.text.WriteByte('}')
}

func (k *keyer) fragment(on string, set ast.SelectionSet) {
	k.text.WriteString("..." + on)
	k.selections(set)
}

func (k *keyer) field(f *ast.Field) {
	if f.ObjectDefinition == nil || !ofSnapshot[f.ObjectDefinition.Name][f.Name] || len(f.Arguments) > 0 {
		k.refused = true
		return
	}
	k.name(f)
	if len(f.SelectionSet) > 0 {
		k.selections(f.SelectionSet)
	}
}

func (k *keyer) name(f *ast.Field) {
	line, column := 0, 0
	if f.Position != nil {
		line, column = f.Position.Line, f.Position.Column
	}
	_, _ = fmt.Fprintf(&k.text, " %s:%s@%d:%d", f.Alias, f.Name, line, column)
}

// included evaluates @skip and @include. Any other directive may do anything.
func (k *keyer) included(directives ast.DirectiveList) bool {
	included := true
	for _, d := range directives {
		on, ok := d.ArgumentMap(k.variables)["if"].(bool)
		switch {
		case !ok || d.Name != "skip" && d.Name != "include":
			k.refused = true
		case on == (d.Name == "skip"):
			included = false
		}
	}
	return included
}
