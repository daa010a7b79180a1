package enum

import "io"

// QuestionState is where a question stands. All but OPEN are final.
type QuestionState string

const (
	QuestionOpen      QuestionState = "OPEN"
	QuestionAnswered  QuestionState = "ANSWERED"
	QuestionExpired   QuestionState = "EXPIRED"
	QuestionCancelled QuestionState = "CANCELLED"
)

var allQuestionState = []QuestionState{QuestionOpen, QuestionAnswered, QuestionExpired, QuestionCancelled}

// Values lists every QuestionState.
func (QuestionState) Values() []string { return values(allQuestionState) }

// MarshalGQL writes it as a GraphQL enum value.
func (v QuestionState) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *QuestionState) UnmarshalGQL(in any) error { return read(v, in, allQuestionState) }
