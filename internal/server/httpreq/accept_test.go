package httpreq_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/server/httpreq"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNegotiateAmongAllThree(t *testing.T) {
	t.Parallel()
	const response, plain, events = httpreq.MediaResponse, httpreq.MediaJSON, httpreq.MediaEvents
	for accept, want := range map[string]string{
		"":                                plain,
		"*/*":                             plain,
		"*/*;q=0":                         "",
		"text/*":                          events,
		"TEXT/Event-Stream":               events,
		"application/*":                   plain,
		"application/*, text/*":           plain,
		"text/*, application/*":           events,
		"text/*;q=0.3, application/*":     plain,
		events + ";q=0, */*":              plain,
		plain + ";q=0, */*":               response,
		plain + ";q=0.1, " + events:       events,
		events + "; charset=latin1":       "",
		events + "; charset=utf-8; q=.5":  events,
		"text/html":                       "",
		"image/*, " + events + ";q=0.001": events,
	} {
		got, ok := httpreq.Negotiate([]string{accept}, plain, response, events)
		require.Equal(t, want != "", ok, accept)
		if ok {
			require.Equal(t, want, got, accept)
		}
	}
	got, ok := httpreq.Negotiate([]string{"text/html", events}, plain, events)
	require.True(t, ok)
	require.Equal(t, events, got, "several headers are one")
}

func FuzzNegotiate(f *testing.F) {
	f.Add("text/event-stream;q=0.5, */*")
	f.Fuzz(func(t *testing.T, accept string) {
		got, _ := httpreq.Negotiate([]string{accept}, httpreq.MediaJSON, httpreq.MediaEvents)
		require.Contains(t, []string{httpreq.MediaJSON, httpreq.MediaEvents}, got)
	})
}
