package enum

import "io"

// PlanState is where a plan stands. DONE is final, and so is CANCELLED, unless people
// rejected it and its manager proposes another in its place.
type PlanState string

const (
	PlanProposed  PlanState = "PROPOSED"
	PlanActive    PlanState = "ACTIVE"
	PlanDone      PlanState = "DONE"
	PlanCancelled PlanState = "CANCELLED"
)

var allPlanState = []PlanState{PlanProposed, PlanActive, PlanDone, PlanCancelled}

// Values lists every PlanState.
func (PlanState) Values() []string { return values(allPlanState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v PlanState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *PlanState) UnmarshalGQL(in any) error { return read(v, in, allPlanState) }

// TaskState is where a task stands. COMPLETED and CANCELLED are final.
type TaskState string

const (
	TaskPending    TaskState = "PENDING"
	TaskInProgress TaskState = "IN_PROGRESS"
	TaskMerging    TaskState = "MERGING"
	TaskBlocked    TaskState = "BLOCKED"
	TaskCompleted  TaskState = "COMPLETED"
	TaskFailed     TaskState = "FAILED"
	TaskCancelled  TaskState = "CANCELLED"
)

var allTaskState = []TaskState{TaskPending, TaskInProgress, TaskMerging, TaskBlocked, TaskCompleted, TaskFailed, TaskCancelled}

// Values lists every TaskState.
func (TaskState) Values() []string { return values(allTaskState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v TaskState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *TaskState) UnmarshalGQL(in any) error { return read(v, in, allTaskState) }

// Settled reports whether nothing happens to the task by itself any more.
func (v TaskState) Settled() bool {
	return v == TaskBlocked || v == TaskCompleted || v == TaskFailed || v == TaskCancelled
}

// TaskPriority says which of the tasks that could begin does.
type TaskPriority string

const (
	TaskLow    TaskPriority = "LOW"
	TaskMedium TaskPriority = "MEDIUM"
	TaskHigh   TaskPriority = "HIGH"
	TaskUrgent TaskPriority = "URGENT"
)

var allTaskPriority = []TaskPriority{TaskLow, TaskMedium, TaskHigh, TaskUrgent}

// Values lists every TaskPriority.
func (TaskPriority) Values() []string { return values(allTaskPriority) }

// MarshalGQL writes it as a GraphQL enum value.
func (v TaskPriority) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *TaskPriority) UnmarshalGQL(in any) error { return read(v, in, allTaskPriority) }

// CriterionState is whether an acceptance criterion is shown to be met.
type CriterionState string

const (
	CriterionOpen   CriterionState = "OPEN"
	CriterionMet    CriterionState = "MET"
	CriterionStale  CriterionState = "STALE"
	CriterionWaived CriterionState = "WAIVED"
)

var allCriterionState = []CriterionState{CriterionOpen, CriterionMet, CriterionStale, CriterionWaived}

// Values lists every CriterionState.
func (CriterionState) Values() []string { return values(allCriterionState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v CriterionState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *CriterionState) UnmarshalGQL(in any) error { return read(v, in, allCriterionState) }

// Verification is how far what a run claims is shown.
type Verification string

const (
	Verified   Verification = "VERIFIED"
	WithGaps   Verification = "WITH_GAPS"
	Unverified Verification = "UNVERIFIED"
)

var allVerification = []Verification{Verified, WithGaps, Unverified}

// Values lists every Verification.
func (Verification) Values() []string { return values(allVerification) }

// MarshalGQL writes it as a GraphQL enum value.
func (v Verification) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *Verification) UnmarshalGQL(in any) error { return read(v, in, allVerification) }
