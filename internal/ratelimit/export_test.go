package ratelimit

import "time"

// Patient waits for its store as long as a busy machine may take.
func Patient(l *Limiter) *Limiter {
	l.patience = time.Minute
	return l
}
