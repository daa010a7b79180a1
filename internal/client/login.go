package client

import (
	"context"
	"time"
)

// User is a person with an account. Email is the viewer's own only.
type User struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

// Viewer is whose key this is: nil without a key.
func (c *Client) Viewer(ctx context.Context) (*User, error) {
	var out struct{ Viewer *User }
	err := c.doSafely(ctx, viewerQuery, nil, &out)
	return out.Viewer, err
}

// DeviceCode is a sign-in that has begun: a person enters UserCode at the URL.
type DeviceCode struct {
	DeviceCode              string
	UserCode                string
	VerificationURL         string
	VerificationURLComplete string
	ExpiresAt               time.Time
	Interval                int // seconds between two calls of ExchangeDeviceCode
}

// RequestDeviceCode begins to sign in, for which no key is needed.
func (c *Client) RequestDeviceCode(ctx context.Context, clientName string) (DeviceCode, error) {
	var out struct{ RequestDeviceCode DeviceCode }
	err := c.Do(ctx, requestDeviceCodeMutation, object("clientName", clientName), &out)
	return out.RequestDeviceCode, err
}

// The statuses of a device code.
const (
	DevicePending  = "PENDING"
	DeviceSlowDown = "SLOW_DOWN"
	DeviceApproved = "APPROVED"
	DeviceDenied   = "DENIED"
	DeviceExpired  = "EXPIRED"
)

// DeviceAnswer is what became of a device code. All but Status is set once it is
// approved.
type DeviceAnswer struct {
	Status string
	Secret string
	APIKey *struct{ ID string }
	User   *User
}

// ExchangeDeviceCode asks what became of a device code.
func (c *Client) ExchangeDeviceCode(ctx context.Context, deviceCode string) (DeviceAnswer, error) {
	var out struct{ ExchangeDeviceCode DeviceAnswer }
	err := c.Do(ctx, exchangeDeviceCodeMutation, object("deviceCode", deviceCode), &out)
	return out.ExchangeDeviceCode, err
}

// RevokeAPIKey ends a key of the viewer.
func (c *Client) RevokeAPIKey(ctx context.Context, id string) error {
	var out struct{}
	return c.Do(ctx, revokeAPIKeyMutation, object("apiKeyId", id), &out)
}

// object is the variables of a mutation with one input field.
func object(name, value string) map[string]any {
	return map[string]any{"input": map[string]any{name: value}}
}
