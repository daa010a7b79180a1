package access

import (
	"slices"

	"github.com/zeblit/zeblit/ent"
)

// Verb is what is done to rows.
type Verb string

// The verbs.
const (
	Read   Verb = "read"
	Create Verb = "create"
	Update Verb = "update"
	Delete Verb = "delete"
)

var (
	readOnly = []Verb{Read}
	readAdd  = []Verb{Read, Create}
	readEdit = []Verb{Read, Update}
	write    = []Verb{Read, Create, Update}
	anything = []Verb{Read, Create, Update, Delete}
)

// actors lists, for each actor, the entities it touches and how.
var actors = map[Actor]map[string][]Verb{
	Auth: {
		ent.TypeUser:          write,
		ent.TypeSession:       write,
		ent.TypeRefreshToken:  anything,
		ent.TypeApiKey:        write,
		ent.TypeDeviceCode:    anything,
		ent.TypeSigningKey:    write,
		ent.TypeOrganisation:  readAdd,
		ent.TypeOrgMembership: readAdd,
	},
	Engine: {
		ent.TypeProject:        readEdit,
		ent.TypeAgent:          readOnly,
		ent.TypeConversation:   write,
		ent.TypeMessage:        write,
		ent.TypeRun:            write,
		ent.TypeToolCall:       write,
		ent.TypeQuestion:       write,
		ent.TypeUser:           readOnly, // who answers
		ent.TypeStream:         readOnly,
		ent.TypeEvent:          readOnly,
		ent.TypeUsageRecord:    readAdd,
		ent.TypeBudget:         readOnly,
		ent.TypeSpending:       write,
		ent.TypeReservation:    {Read, Create, Delete},
		ent.TypeProviderKey:    readOnly,
		ent.TypeGitRef:         {Read, Create, Delete}, // the branches of runs, and hidden ones
		ent.TypeMerge:          write,
		ent.TypeCheckpoint:     readAdd,
		ent.TypeGitObject:      readAdd,
		ent.TypeGitStorage:     write,
		ent.TypeGitPack:        readOnly,
		ent.TypeGitPackObject:  readOnly,
		ent.TypeMembership:     readOnly, // what the person may do for whom an agent works
		ent.TypePermissionRule: readOnly,
		ent.TypeApproval:       write,
		ent.TypePlan:           write,
		ent.TypeTask:           write,
		ent.TypeCriterion:      write,
		ent.TypeCommand:        readAdd, // what showed a criterion is run once more
		ent.TypeOutputPiece:    readOnly,
	},
	Commands: {
		ent.TypeProject:     readOnly,
		ent.TypeUser:        readOnly,
		ent.TypeAgent:       readOnly,
		ent.TypeRun:         readOnly,
		ent.TypeToolCall:    readOnly,
		ent.TypeSandbox:     write,
		ent.TypeWorktree:    write,
		ent.TypeCommand:     write,
		ent.TypeOutputPiece: readAdd,
		ent.TypeStream:      readOnly,
		ent.TypeEvent:       readOnly,
	},
	Relay: {
		ent.TypeStream: readOnly,
		ent.TypeEvent:  readOnly,
	},
	Console: {
		ent.TypeConsoleKey:   readOnly,
		ent.TypeConsoleEntry: {Read, Create, Delete},
	},
	Maintenance: {
		ent.TypeAgent:          write,
		ent.TypeUser:           readOnly,
		ent.TypeInstallation:   readAdd,
		ent.TypeSession:        {Read, Delete},
		ent.TypeIdempotencyKey: {Read, Delete},
		ent.TypeCheckpoint:     {Read, Delete},
		ent.TypeProject:        readEdit,
		ent.TypeGitRef:         {Read, Update, Delete},
		ent.TypeGitStorage:     write,
		ent.TypeGitObject:      {Read, Create, Delete},
		ent.TypeGitPack:        {Read, Create, Delete},
		ent.TypeGitPackObject:  {Read, Create, Delete},
	},
}

func (a Actor) may(entity string, verb Verb) bool {
	return slices.Contains(actors[a][entity], verb)
}
