package metrics_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func scrape(t *testing.T, sources ...metrics.Source) string {
	t.Helper()
	var r metrics.Registry
	r.Register(sources...)
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", answer.Header().Get("Content-Type"))
	return answer.Body.String()
}

func TestValuesAreWrittenAsPrometheusReadsThem(t *testing.T) {
	t.Parallel()
	text := scrape(t, func(_ context.Context, w *metrics.Writer) {
		w.Counter("zeblit_things_total", "Things,\nwith a \\.", 12345678)
		w.Gauge("zeblit_rooms", "Rooms.", 0.25, "door", "a \"b\"\n\\", "floor", "1")
		w.Gauge("zeblit_rooms", "Rooms.", 2, "door", "c", "floor", "2")
	})
	require.Equal(t, strings.Join([]string{
		`# HELP zeblit_things_total Things,\nwith a \\.`,
		`# TYPE zeblit_things_total counter`,
		`zeblit_things_total 1.2345678e+07`,
		`# HELP zeblit_rooms Rooms.`,
		`# TYPE zeblit_rooms gauge`,
		`zeblit_rooms{door="a \"b\"\n\\",floor="1"} 0.25`,
		`zeblit_rooms{door="c",floor="2"} 2`,
		``,
	}, "\n"), text)
}

func TestTheProcessIsShown(t *testing.T) {
	t.Parallel()
	text := scrape(t, metrics.Process("1.2.3"))
	require.Contains(t, text, `zeblit_build_info{version="1.2.3"} 1`)
	require.Contains(t, text, `go_info{version="`+runtime.Version()+`"} 1`)
	names := []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "process_cpu_seconds_total", "process_start_time_seconds", "process_max_fds"}
	if runtime.GOOS == "linux" {
		names = append(names, "process_resident_memory_bytes", "process_open_fds")
	}
	for _, name := range names {
		require.Regexp(t, regexp.MustCompile(`(?m)^`+name+` [0-9.e+]+$`), text)
	}
	var seen []string
	for line := range strings.Lines(text) {
		if after, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(strings.TrimSpace(after), " ")
			require.NotContains(t, seen, name, "a name's values follow each other")
			require.Equal(t, kind == "counter", strings.HasSuffix(name, "_total"), name)
			seen = append(seen, name)
		}
	}
	require.True(t, slices.Contains(seen, "go_gc_cycles_total"))
}
