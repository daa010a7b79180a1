package enum

import "io"

// ProjectRole is what a member may do in a project: each includes the one before.
type ProjectRole string

const (
	ProjectViewer ProjectRole = "VIEWER"
	ProjectEditor ProjectRole = "EDITOR"
	ProjectOwner  ProjectRole = "OWNER"
)

var allProjectRole = []ProjectRole{ProjectViewer, ProjectEditor, ProjectOwner}

// Values lists every ProjectRole.
func (ProjectRole) Values() []string { return values(allProjectRole) }

// MarshalGQL writes it as a GraphQL enum value.
func (v ProjectRole) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *ProjectRole) UnmarshalGQL(in any) error { return read(v, in, allProjectRole) }

// OrganisationRole is what a member may do in an organisation: each includes the one before.
type OrganisationRole string

const (
	OrganisationMember OrganisationRole = "MEMBER"
	OrganisationAdmin  OrganisationRole = "ADMIN"
	OrganisationOwner  OrganisationRole = "OWNER"
)

var allOrganisationRole = []OrganisationRole{OrganisationMember, OrganisationAdmin, OrganisationOwner}

// Values lists every OrganisationRole.
func (OrganisationRole) Values() []string { return values(allOrganisationRole) }

// MarshalGQL writes it as a GraphQL enum value.
func (v OrganisationRole) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *OrganisationRole) UnmarshalGQL(in any) error { return read(v, in, allOrganisationRole) }

// AtLeast lists the roles that include v.
func (v ProjectRole) AtLeast() []ProjectRole {
	switch v {
	case ProjectOwner:
		return []ProjectRole{ProjectOwner}
	case ProjectEditor:
		return []ProjectRole{ProjectEditor, ProjectOwner}
	}
	return allProjectRole
}
