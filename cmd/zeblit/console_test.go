package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASignalBeforeTheReadingIsNotLost(t *testing.T) {
	t.Parallel()
	left := 0
	c := console{interrupts: &interrupts{}, exit: func(code int) {
		require.Equal(t, exitInterrupted, code)
		left++
	}}
	ctx, stop := c.signals(t.Context())
	c.reading(nil)()
	require.Zero(t, left)
	stop() // as a signal does, while nothing is read
	require.Error(t, ctx.Err())
	restored := false
	c.reading(func() { restored = true })()
	require.Equal(t, 1, left)
	require.True(t, restored)
}
