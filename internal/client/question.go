package client

import (
	"context"
	"iter"
	"time"
)

// Question is what an agent asks people, and waits for.
type Question struct {
	ID            string    `json:"id"`
	Text          string    `json:"text"`
	Choices       []string  `json:"choices"`
	AllowOther    bool      `json:"allowOther"`
	DefaultAnswer string    `json:"defaultAnswer,omitempty"`
	DeadlineAt    time.Time `json:"deadlineAt"`
	State         string    `json:"state"`
	Answer        string    `json:"answer,omitempty"`
	Agent         struct {
		Slug string `json:"slug"`
	} `json:"agent"`
	Project struct {
		Name string `json:"name"`
	} `json:"project"`
	Run *Worker `json:"run,omitempty"`
}

// The states of a question that is closed with an answer, or without anybody's.
const (
	QuestionAnswered = "ANSWERED"
	QuestionExpired  = "EXPIRED"
)

// Questions are those that wait for an answer in all projects of the viewer, newest first.
func (c *Client) Questions(ctx context.Context) iter.Seq2[Question, error] {
	return pages(func(after any) (page[Question], error) {
		var out struct{ Viewer struct{ Page page[Question] } }
		err := c.doSafely(ctx, questionsQuery, map[string]any{"after": after}, &out)
		return out.Viewer.Page, err
	})
}

// AnswerQuestion answers a question, once, also when the connection breaks on the way.
func (c *Client) AnswerQuestion(ctx context.Context, id, answer string) (Question, error) {
	var out struct{ AnswerQuestion struct{ Question Question } }
	input := map[string]any{"questionId": id, "answer": answer, "idempotencyKey": newKey()}
	err := c.doSafely(ctx, answerQuestionMutation, map[string]any{"input": input}, &out)
	return out.AnswerQuestion.Question, err
}
