package wire_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
)

// streamed makes a call whose stream write writes, and which read reads. It returns
// what ended it, if not the stream's end, and how long it took.
func streamed(t *testing.T, limits wire.Limits, write func(say func(string)), read func(*wire.Call, io.Reader) error) (e *llm.Error, took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		call := wire.NewCall(context.Background(), limits)
		defer call.Stop()
		r, w := io.Pipe()
		stop := context.AfterFunc(call.Context(), func() { _ = r.CloseWithError(call.Context().Err()) })
		defer stop()
		began := time.Now()
		res, err := call.RoundTrip(nil, func(*http.Request) (*http.Response, error) { //nolint:bodyclose // the pipe ends with the call
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: r}, nil
		})
		require.NoError(t, err)
		var writing sync.WaitGroup
		writing.Go(func() {
			write(func(s string) { _, _ = io.WriteString(w, s) })
			_ = w.Close()
		})
		err = read(call, res.Body)
		took = time.Since(began)
		_ = r.Close()
		writing.Wait()
		if err != nil {
			require.ErrorAs(t, call.Failed(err), &e)
		}
	})
	return e, took
}

func readAll(_ *wire.Call, r io.Reader) error {
	_, err := io.ReadAll(r)
	return err
}

var limits = wire.Limits{First: 10 * time.Second, Between: time.Minute, Event: 3 * time.Minute}

func TestLimitToTheFirstByte(t *testing.T) {
	t.Parallel()
	e, took := streamed(t, limits, func(func(string)) { time.Sleep(11 * time.Second) }, readAll)
	require.Equal(t, 10*time.Second, took)
	require.Equal(t, llm.KindCut, e.Kind)
	require.Contains(t, e.Message, "nothing was received for 10s")

	e, _ = streamed(t, limits, func(say func(string)) {
		time.Sleep(9 * time.Second)
		say("some")
		time.Sleep(59 * time.Second)
	}, readAll)
	require.Nil(t, e)
}

// A connection that goes silent is ended, one that goes on slowly is not.
func TestLimitBetweenBytes(t *testing.T) {
	t.Parallel()
	e, took := streamed(t, limits, func(say func(string)) {
		for range 2 {
			say("some")
			time.Sleep(50 * time.Second)
		}
		say("some")
		time.Sleep(61 * time.Second)
	}, readAll)
	require.Equal(t, 100*time.Second+time.Minute, took)
	require.Contains(t, e.Message, "nothing was received for 1m0s")
}

// Keep-alives alone don't keep a call alive for ever.
func TestLimitWithoutAnEvent(t *testing.T) {
	t.Parallel()
	keepAlive := func(say func(string)) {
		for range 100 {
			say(": ping\n\n")
			time.Sleep(20 * time.Second)
		}
	}
	e, took := streamed(t, limits, keepAlive, readAll)
	require.Equal(t, 3*time.Minute, took)
	require.Equal(t, llm.KindCut, e.Kind)
	require.Contains(t, e.Message, "nothing but keep-alives was received for 3m0s")

	e, _ = streamed(t, limits, keepAlive, func(call *wire.Call, r io.Reader) error {
		p := make([]byte, 10)
		for {
			if _, err := r.Read(p); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			call.Event()
		}
	})
	require.Nil(t, e, "each of them was an event")
}

// A caller that takes its time is not the vendor's silence.
func TestOnlyTheVendorsTimeCounts(t *testing.T) {
	t.Parallel()
	e, took := streamed(t, limits, func(say func(string)) { say("one"); say("two") }, func(_ *wire.Call, r io.Reader) error {
		p := make([]byte, 10)
		for {
			if _, err := r.Read(p); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			time.Sleep(time.Hour)
		}
	})
	require.Nil(t, e)
	require.Greater(t, took, time.Hour)
}

// Who has said that the answer is over may not hold the call for long.
func TestLimitToTheClose(t *testing.T) {
	t.Parallel()
	e, took := streamed(t, limits, func(say func(string)) { say("the end"); time.Sleep(time.Hour) }, func(call *wire.Call, r io.Reader) error {
		_, err := r.Read(make([]byte, 10))
		require.NoError(t, err)
		call.Closing()
		return readAll(call, r)
	})
	require.Equal(t, 10*time.Second, took)
	require.Equal(t, llm.KindCut, e.Kind)
}

func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"\ufeffdata: x": "data: x", "data: x": "data: x", "x": "x", "": "", "\xef\xbb": "\xef\xbb", "\ufeff": ""} {
		for _, size := range []int{1, 2, 100} {
			var got []byte
			e, _ := streamed(t, limits, func(say func(string)) {
				for s := in; s != ""; s = s[min(size, len(s)):] {
					say(s[:min(size, len(s))])
				}
			}, func(_ *wire.Call, r io.Reader) (err error) {
				got, err = io.ReadAll(r)
				return err
			})
			require.Nil(t, e)
			require.Equal(t, want, string(got))
		}
	}
}
