package graph

import (
	"github.com/zeblit/zeblit/ent"
	entapproval "github.com/zeblit/zeblit/ent/approval"
	"github.com/zeblit/zeblit/ent/enum"
	entquestion "github.com/zeblit/zeblit/ent/question"
	"github.com/zeblit/zeblit/graph/model"
)

// approvalsIn is what people were asked to allow and stands in one of states; none: in any.
func (r *Resolver) approvalsIn(states []enum.ApprovalState) *ent.ApprovalQuery {
	query := r.DB.Ent.Approval.Query()
	if len(states) > 0 {
		query.Where(entapproval.StateIn(states...))
	}
	return query
}

// questionsWhere is what agents have asked people and is wanted.
func (r *Resolver) questionsWhere(where *model.QuestionFilter) *ent.QuestionQuery {
	query := r.DB.Ent.Question.Query()
	if where != nil && len(where.State) > 0 {
		query.Where(entquestion.StateIn(where.State...))
	}
	return query
}
