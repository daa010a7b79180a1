package client

import (
	"context"
	"iter"
	"time"
)

// Approval is what an agent wants to be allowed, and waits for.
type Approval struct {
	ID        string    `json:"id"`
	Tool      string    `json:"tool"`
	Shown     string    `json:"shown"`
	Risk      string    `json:"risk"`
	Rule      string    `json:"rule"`
	Reason    string    `json:"reason,omitempty"`
	State     string    `json:"state"`
	Remember  string    `json:"remember"`
	ExpiresAt time.Time `json:"expiresAt"`
	Agent     struct {
		Slug string `json:"slug"`
	} `json:"agent"`
	Project struct {
		Name string `json:"name"`
	} `json:"project"`
	Run *Worker `json:"run,omitempty"`
}

// Decision is an answer to what an agent wants to be allowed. Remember is ONCE, RUN or
// PROJECT; empty: ONCE.
type Decision struct {
	Approve           bool
	Remember, Comment string
}

// Approvals are those that wait for an answer in all projects of the viewer, newest first.
func (c *Client) Approvals(ctx context.Context) iter.Seq2[Approval, error] {
	return pages(func(after any) (page[Approval], error) {
		var out struct{ Viewer struct{ Page page[Approval] } }
		err := c.doSafely(ctx, approvalsQuery, map[string]any{"after": after}, &out)
		return out.Viewer.Page, err
	})
}

// ResolveApproval answers what an agent wants to be allowed. The same answer again is the
// same.
func (c *Client) ResolveApproval(ctx context.Context, id string, d Decision) (Approval, error) {
	input := map[string]any{"approvalId": id, "decision": "DENY"}
	if d.Approve {
		input["decision"] = "APPROVE"
	}
	if d.Remember != "" {
		input["remember"] = d.Remember
	}
	if d.Comment != "" {
		input["comment"] = d.Comment
	}
	var out struct{ ResolveApproval struct{ Approval Approval } }
	err := c.doSafely(ctx, resolveApprovalMutation, map[string]any{"input": input}, &out)
	return out.ResolveApproval.Approval, err
}

// RevokeApproval takes an approval for a run or for the project back.
func (c *Client) RevokeApproval(ctx context.Context, id string) (Approval, error) {
	var out struct{ RevokeApproval struct{ Approval Approval } }
	err := c.doSafely(ctx, revokeApprovalMutation, object("approvalId", id), &out)
	return out.RevokeApproval.Approval, err
}
