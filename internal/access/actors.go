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
		ent.TypeProject:      readEdit,
		ent.TypeAgent:        readOnly,
		ent.TypeConversation: readEdit,
		ent.TypeMessage:      write,
		ent.TypeRun:          write,
		ent.TypeToolCall:     write,
		ent.TypeStream:       readOnly,
		ent.TypeEvent:        readOnly,
		ent.TypeUsageRecord:  readAdd,
		ent.TypeBudget:       readOnly,
		ent.TypeSpending:     write,
		ent.TypeReservation:  {Read, Create, Delete},
		ent.TypeProviderKey:  readOnly,
	},
	Relay: {
		ent.TypeStream: readOnly,
		ent.TypeEvent:  readOnly,
	},
	Maintenance: {
		ent.TypeAgent:          write,
		ent.TypeUser:           readOnly,
		ent.TypeInstallation:   readAdd,
		ent.TypeSession:        {Read, Delete},
		ent.TypeIdempotencyKey: {Read, Delete},
	},
}

func (a Actor) may(entity string, verb Verb) bool {
	return slices.Contains(actors[a][entity], verb)
}
