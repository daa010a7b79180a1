package crewtest

import "context"

// People answer what the crew of a project has asked and allow what it wants to be allowed,
// so far. do sends a request of GraphQL and reads its data into out.
func People(ctx context.Context, project string, do func(ctx context.Context, query string, variables map[string]any, out any) error) error {
	type node struct{ ID string }
	var asked struct {
		Project struct{ Questions, Approvals struct{ Nodes []node } }
	}
	err := do(ctx, `query($p: ID!) { project(id: $p) {
		questions(first: 100, where: {state: [OPEN]}) { nodes { id } } approvals(first: 100, state: [PENDING]) { nodes { id } } } }`,
		map[string]any{"p": project}, &asked)
	if err != nil {
		return err
	}
	for _, q := range asked.Project.Questions.Nodes {
		if err := do(ctx, `mutation($i: AnswerQuestionInput!) { answerQuestion(input: $i) { question { id } } }`,
			map[string]any{"i": input{"questionId": q.ID, "answer": Answer}}, &struct{}{}); err != nil {
			return err
		}
	}
	for _, a := range asked.Project.Approvals.Nodes {
		if err := do(ctx, `mutation($i: ResolveApprovalInput!) { resolveApproval(input: $i) { approval { id } } }`,
			map[string]any{"i": input{"approvalId": a.ID, "decision": "APPROVE"}}, &struct{}{}); err != nil {
			return err
		}
	}
	return nil
}
