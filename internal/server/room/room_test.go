package room_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/room"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRoomIsWaitedForInTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := room.New(room.Limits{Large: 10 << 20})
		leave, err := r.Take(t.Context(), 8<<20)
		require.NoError(t, err)

		began := time.Now()
		_, err = r.Take(t.Context(), 3<<20)
		require.Equal(t, 10*time.Second, time.Since(began))
		require.True(t, problem.Is(err, problem.Unavailable))
		require.Equal(t, 10*time.Second, problem.As(err).RetryAfter)

		began = time.Now()
		small, err := r.Take(t.Context(), 100<<10)
		require.NoError(t, err, "small files have room of their own")
		require.Zero(t, time.Since(began))
		small()

		time.AfterFunc(3*time.Second, leave)
		whole, err := r.Take(t.Context(), 50<<20)
		require.NoError(t, err, "what is larger than all room has it alone")
		require.Equal(t, 3*time.Second, time.Since(began))
		whole()
	})
}

// answer remembers until when it may be written.
type answer struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (a *answer) SetWriteDeadline(at time.Time) error {
	a.until = at
	return nil
}

func TestTheTimeToWriteMovesWithProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &answer{ResponseRecorder: httptest.NewRecorder()}
		began := time.Now()
		w := room.New(room.Limits{}).Writer(a, 60*64<<10)
		left := func() time.Duration { return time.Until(a.until) }
		require.Equal(t, 30*time.Second, left())
		for range 3 {
			time.Sleep(20 * time.Second)
			n, err := w.Write(make([]byte, 100<<10))
			require.NoError(t, err)
			require.Equal(t, 100<<10, n)
			require.Equal(t, 30*time.Second, left())
		}
		time.Sleep(20 * time.Second)
		_, err := w.Write([]byte("x"))
		require.NoError(t, err)
		require.Equal(t, 90*time.Second, a.until.Sub(began), "64 KiB a second, and one pause")
		require.Equal(t, 300<<10+1, a.Body.Len())
		require.Equal(t, http.StatusOK, a.Code)
	})
}
