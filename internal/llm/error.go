package llm

import (
	"errors"
	"fmt"
	"time"
)

// Kind sorts failures of a model call by what can be done about them.
type Kind string

const (
	KindOverloaded  Kind = "overloaded"   // 429, 503, 529: wait and try again
	KindUnavailable Kind = "unavailable"  // 408, other 5xx, no connection: try again
	KindCut         Kind = "cut"          // the stream ended before its end: try again
	KindGarbled     Kind = "garbled"      // part of the answer is broken: try again
	KindAuth        Kind = "auth"         // 401, 402, 403: the key is refused, or the account has no credit
	KindTooLarge    Kind = "too_large"    // the context doesn't fit
	KindBadRequest  Kind = "bad_request"  // any other 4xx
	KindBadResponse Kind = "bad_response" // the answer could not be understood
)

// Error is a failed model call. Message is the vendor's text, made safe to show:
// it never holds the key.
//
// RetryAfter is how long the vendor wants to be left alone, a day at most: what it
// asked for, else until the quota that is used up is there again. 0 when it said
// nothing. A wait that is longer than Backoff ever takes is for the caller to show.
type Error struct {
	Kind       Kind
	Status     int // HTTP; 0 when there was none
	Message    string
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("model %s (HTTP %d): %s", e.Kind, e.Status, e.Message)
	}
	return fmt.Sprintf("model %s: %s", e.Kind, e.Message)
}

func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same call may succeed later.
func Retryable(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Kind {
	case KindOverloaded, KindUnavailable, KindCut, KindGarbled:
		return true
	}
	return false
}
