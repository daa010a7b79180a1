package faulttest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatIsFairIsCalledFair(t *testing.T) {
	t.Parallel()
	// Two projects, one slot each, runs of one step: 0 and 1 in turn until 1 has no more.
	at := func(seconds int, project int, claimed bool) turn {
		return turn{time.Duration(seconds) * time.Second, project, claimed, !claimed}
	}
	f, err := share([]turn{
		at(0, 0, true), at(0, 1, true), at(1, 0, false), at(1, 1, false),
		at(1, 0, true), at(1, 1, true), at(2, 0, false), at(2, 1, false),
		at(2, 0, true), at(2, 0, true), at(3, 0, false), at(3, 0, false),
	}, []int{4, 2}, 2)
	require.NoError(t, err)
	require.Equal(t, []ShareOf{
		{Runs: 4, Steps: 4, Took: 3 * time.Second, Share: 3 * time.Second, Held: 0.5, Passed: 0},
		{Runs: 2, Steps: 2, Took: 2 * time.Second, Share: 2 * time.Second, Held: 0.5, Passed: 1},
	}, f.Projects)
}

func TestWhoIsServedLastIsSeen(t *testing.T) {
	t.Parallel()
	var turns []turn
	for i := range 12 { // one slot: all of the first before the second
		project := i / 10
		turns = append(turns, turn{time.Duration(i) * time.Second, project, true, false},
			turn{time.Duration(i+1) * time.Second, project, false, true})
	}
	f, err := share(turns, []int{10, 2}, 1)
	require.NoError(t, err)
	require.Equal(t, 4*time.Second, f.Projects[1].Share)
	require.Equal(t, 12*time.Second, f.Projects[1].Took)
	require.Zero(t, f.Projects[1].Passed, "with one slot nobody's share is a whole one")

	_, err = share(turns[:len(turns)-1], []int{10, 2}, 1)
	require.ErrorContains(t, err, "did not end")
}
