package enum

import (
	"io"
	"slices"
)

// Severity is how much harm a finding can do.
type Severity string

const (
	SeverityLow      Severity = "LOW"
	SeverityMedium   Severity = "MEDIUM"
	SeverityHigh     Severity = "HIGH"
	SeverityCritical Severity = "CRITICAL"
)

var allSeverity = []Severity{SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}

// Values lists every Severity, the least first.
func (Severity) Values() []string { return values(allSeverity) }

// MarshalGQL writes it as a GraphQL enum value.
func (v Severity) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *Severity) UnmarshalGQL(in any) error { return read(v, in, allSeverity) }

// Rank rises with the severity; 0 for what is none.
func (v Severity) Rank() int { return slices.Index(allSeverity, v) + 1 }

// FindingState is what became of a finding.
type FindingState string

const (
	FindingOpen      FindingState = "OPEN"
	FindingFixed     FindingState = "FIXED"
	FindingDismissed FindingState = "DISMISSED"
)

var allFindingState = []FindingState{FindingOpen, FindingFixed, FindingDismissed}

// Values lists every FindingState.
func (FindingState) Values() []string { return values(allFindingState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v FindingState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *FindingState) UnmarshalGQL(in any) error { return read(v, in, allFindingState) }

// SecurityCheck is one of the ways in which flaws are looked for.
type SecurityCheck string

const (
	CheckSecrets      SecurityCheck = "SECRETS"
	CheckDependencies SecurityCheck = "DEPENDENCIES"
	CheckCode         SecurityCheck = "CODE"
	CheckHeaders      SecurityCheck = "HEADERS"
	CheckReview       SecurityCheck = "REVIEW"
)

var allSecurityCheck = []SecurityCheck{CheckSecrets, CheckDependencies, CheckCode, CheckHeaders, CheckReview}

// Values lists every SecurityCheck.
func (SecurityCheck) Values() []string { return values(allSecurityCheck) }

// MarshalGQL writes it as a GraphQL enum value.
func (v SecurityCheck) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *SecurityCheck) UnmarshalGQL(in any) error { return read(v, in, allSecurityCheck) }
