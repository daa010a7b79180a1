package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Of several who try at once, one may hear that there was no answer after another had one.
func TestWhatBeganBeforeAnAnswerIsNoNewsOfALoss(t *testing.T) {
	t.Parallel()
	var told []string
	o := outage{notice: func(s string) { told = append(told, s) }}
	o.lost(time.Now())
	require.Empty(t, told, "it was never there")
	o.reached()
	began := time.Now()
	o.lost(began)
	o.lost(began)
	o.reached()
	o.lost(began)
	require.Equal(t, []string{ConnectionLost, Resumed}, told)
	o.lost(time.Now())
	require.Equal(t, []string{ConnectionLost, Resumed, ConnectionLost}, told)
}

// Of several connections that an outage has cut, one may notice when it is over.
func TestAConnectionThatWasCutByAnOutageThatIsOverIsNoNews(t *testing.T) {
	t.Parallel()
	var told []string
	o := outage{notice: func(s string) { told = append(told, s) }}
	o.reached()
	one, two := time.Now(), time.Now()
	o.broke(one)
	o.reached()
	three := time.Now()
	o.broke(two)
	require.Equal(t, []string{ConnectionLost, Resumed}, told)
	o.reached() // another request's answer is no end of three
	o.broke(three)
	require.Equal(t, []string{ConnectionLost, Resumed, ConnectionLost}, told)
}
