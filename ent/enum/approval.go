package enum

import "io"

// ApprovalState is where a question to people stands. All but the first are final.
type ApprovalState string

const (
	ApprovalPending   ApprovalState = "PENDING"
	ApprovalApproved  ApprovalState = "APPROVED"
	ApprovalDenied    ApprovalState = "DENIED"
	ApprovalExpired   ApprovalState = "EXPIRED"
	ApprovalCancelled ApprovalState = "CANCELLED"
)

var allApprovalState = []ApprovalState{ApprovalPending, ApprovalApproved, ApprovalDenied, ApprovalExpired, ApprovalCancelled}

// Values lists every ApprovalState.
func (ApprovalState) Values() []string { return values(allApprovalState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v ApprovalState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *ApprovalState) UnmarshalGQL(in any) error { return read(v, in, allApprovalState) }

// ApprovalDecision is what a person answers.
type ApprovalDecision string

const (
	Approve ApprovalDecision = "APPROVE"
	Refuse  ApprovalDecision = "DENY"
)

var allApprovalDecision = []ApprovalDecision{Approve, Refuse}

// Values lists every ApprovalDecision.
func (ApprovalDecision) Values() []string { return values(allApprovalDecision) }

// MarshalGQL writes it as a GraphQL enum value.
func (v ApprovalDecision) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *ApprovalDecision) UnmarshalGQL(in any) error { return read(v, in, allApprovalDecision) }

// ApprovalScope is how far an approval reaches.
type ApprovalScope string

const (
	ApprovedOnce    ApprovalScope = "ONCE"
	ApprovedRun     ApprovalScope = "RUN"
	ApprovedProject ApprovalScope = "PROJECT"
)

var allApprovalScope = []ApprovalScope{ApprovedOnce, ApprovedRun, ApprovedProject}

// Values lists every ApprovalScope.
func (ApprovalScope) Values() []string { return values(allApprovalScope) }

// MarshalGQL writes it as a GraphQL enum value.
func (v ApprovalScope) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *ApprovalScope) UnmarshalGQL(in any) error { return read(v, in, allApprovalScope) }

// Risk is how much may go wrong.
type Risk string

const (
	RiskLow    Risk = "LOW"
	RiskMedium Risk = "MEDIUM"
	RiskHigh   Risk = "HIGH"
)

var allRisk = []Risk{RiskLow, RiskMedium, RiskHigh}

// Values lists every Risk.
func (Risk) Values() []string { return values(allRisk) }

// MarshalGQL writes it as a GraphQL enum value.
func (v Risk) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *Risk) UnmarshalGQL(in any) error { return read(v, in, allRisk) }
