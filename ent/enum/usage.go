package enum

import "io"

// CallOutcome is how a call of a model ended.
type CallOutcome string

const (
	CallOK          CallOutcome = "OK"
	CallInterrupted CallOutcome = "INTERRUPTED"
	CallFailed      CallOutcome = "FAILED"
	CallAbandoned   CallOutcome = "ABANDONED"
)

var allCallOutcome = []CallOutcome{CallOK, CallInterrupted, CallFailed, CallAbandoned}

// Values lists every CallOutcome.
func (CallOutcome) Values() []string { return values(allCallOutcome) }

// MarshalGQL writes it as a GraphQL enum value.
func (v CallOutcome) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *CallOutcome) UnmarshalGQL(in any) error { return read(v, in, allCallOutcome) }

// BudgetScope is whose calls a budget bounds.
type BudgetScope string

const (
	BudgetInstance     BudgetScope = "INSTANCE"
	BudgetOrganisation BudgetScope = "ORGANISATION"
	BudgetProject      BudgetScope = "PROJECT"
	BudgetUser         BudgetScope = "USER"
	BudgetAgent        BudgetScope = "AGENT"
	BudgetRun          BudgetScope = "RUN"
)

var allBudgetScope = []BudgetScope{BudgetInstance, BudgetOrganisation, BudgetProject, BudgetUser, BudgetAgent, BudgetRun}

// Values lists every BudgetScope.
func (BudgetScope) Values() []string { return values(allBudgetScope) }

// MarshalGQL writes it as a GraphQL enum value.
func (v BudgetScope) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *BudgetScope) UnmarshalGQL(in any) error { return read(v, in, allBudgetScope) }

// InProject says whether all who may read a project may know its figures.
func (v BudgetScope) InProject() bool {
	return v == BudgetProject || v == BudgetAgent || v == BudgetRun
}

// BudgetPeriod is after what a budget begins anew.
type BudgetPeriod string

const (
	PeriodRun   BudgetPeriod = "RUN"
	PeriodDay   BudgetPeriod = "DAY"
	PeriodMonth BudgetPeriod = "MONTH"
	PeriodTotal BudgetPeriod = "TOTAL"
)

var allBudgetPeriod = []BudgetPeriod{PeriodRun, PeriodDay, PeriodMonth, PeriodTotal}

// Values lists every BudgetPeriod.
func (BudgetPeriod) Values() []string { return values(allBudgetPeriod) }

// MarshalGQL writes it as a GraphQL enum value.
func (v BudgetPeriod) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *BudgetPeriod) UnmarshalGQL(in any) error { return read(v, in, allBudgetPeriod) }

// UsageGrouping is what calls are added up by.
type UsageGrouping string

const (
	UsageByDay     UsageGrouping = "DAY"
	UsageByModel   UsageGrouping = "MODEL"
	UsageByAgent   UsageGrouping = "AGENT"
	UsageByUser    UsageGrouping = "USER"
	UsageByProject UsageGrouping = "PROJECT"
)

var allUsageGrouping = []UsageGrouping{UsageByDay, UsageByModel, UsageByAgent, UsageByUser, UsageByProject}

// Values lists every UsageGrouping.
func (UsageGrouping) Values() []string { return values(allUsageGrouping) }

// MarshalGQL writes it as a GraphQL enum value.
func (v UsageGrouping) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *UsageGrouping) UnmarshalGQL(in any) error { return read(v, in, allUsageGrouping) }

// UsageInterval is the length of one step of a time series.
type UsageInterval string

const (
	IntervalHour  UsageInterval = "HOUR"
	IntervalDay   UsageInterval = "DAY"
	IntervalMonth UsageInterval = "MONTH"
	IntervalTotal UsageInterval = "TOTAL"
)

var allUsageInterval = []UsageInterval{IntervalHour, IntervalDay, IntervalMonth, IntervalTotal}

// Values lists every UsageInterval.
func (UsageInterval) Values() []string { return values(allUsageInterval) }

// MarshalGQL writes it as a GraphQL enum value.
func (v UsageInterval) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *UsageInterval) UnmarshalGQL(in any) error { return read(v, in, allUsageInterval) }
