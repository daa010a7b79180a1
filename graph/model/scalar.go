// Package model holds the API's types that are not entities.
package model

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/zeblit/zeblit/internal/problem"
)

// timeFormat always has six digits, so that an event reads the same whenever it is read.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// maxLong is the largest whole number that every JSON reader keeps.
const maxLong = 1<<53 - 1

func wrong(format string) error { return problem.New(problem.BadInput, "%s", format) }

// MarshalTime writes a Time.
func MarshalTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = io.WriteString(w, `"`+t.UTC().Format(timeFormat)+`"`)
	})
}

// UnmarshalTime reads a Time; what is finer than a microsecond is cut off.
func UnmarshalTime(in any) (time.Time, error) {
	s, ok := in.(string)
	t, err := time.Parse(time.RFC3339Nano, s)
	if !ok || err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, wrong("a Time is written as in RFC 3339: \"2026-01-31T12:00:00Z\"")
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// MarshalCursor writes a Cursor.
func MarshalCursor(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalCursor reads a Cursor.
func UnmarshalCursor(in any) (string, error) {
	s, ok := in.(string)
	if !ok {
		return "", wrong("a Cursor is a string")
	}
	return s, nil
}

// MarshalLong writes a Long.
func MarshalLong(n int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.FormatInt(n, 10)) })
}

// UnmarshalLong reads a Long.
func UnmarshalLong(in any) (int64, error) {
	n, ok := whole(in)
	if !ok || n > maxLong || n < -maxLong {
		return 0, wrong("a Long is a whole number smaller than 2^53")
	}
	return n, nil
}

// MarshalInt writes an Int.
func MarshalInt(n int) graphql.Marshaler { return MarshalLong(int64(n)) }

// UnmarshalInt reads an Int, which has 32 bits in GraphQL.
func UnmarshalInt(in any) (int, error) {
	n, ok := whole(in)
	if !ok || n != int64(int32(n)) {
		return 0, wrong("an Int is a whole number of 32 bits")
	}
	return int(n), nil
}

func whole(in any) (int64, bool) {
	switch v := in.(type) {
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		return int64(v), v == float64(int64(v)) && v <= maxLong && v >= -maxLong
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return 0, false
}
