package model

// Branch is a branch of a project.
type Branch struct {
	ProjectID string
	Name      string
	Hash      string // of its newest commit
}
