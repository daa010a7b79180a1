package metrics

import (
	"bytes"
	"context"
	"os"
	"runtime"
	runtimemetrics "runtime/metrics"
	"strconv"
	"syscall"
	"time"
)

// fromRuntime are the runtime's own metrics that are shown, by the names under which
// Prometheus' client for Go shows them.
var fromRuntime = []struct {
	name, source, help string
	counter            bool
}{
	{"go_goroutines", "/sched/goroutines:goroutines", "Goroutines that there are.", false},
	{"go_sched_gomaxprocs_threads", "/sched/gomaxprocs:threads", "Threads that run Go code at once, at most.", false},
	{"go_memstats_heap_alloc_bytes", "/memory/classes/heap/objects:bytes", "Memory of the heap's objects, dead ones that are not collected yet included.", false},
	{"go_memstats_heap_released_bytes", "/memory/classes/heap/released:bytes", "Memory of the heap that was given back to the system.", false},
	{"go_memstats_sys_bytes", "/memory/classes/total:bytes", "Memory that the runtime has taken from the system, released memory included.", false},
	{"go_gc_cycles_total", "/gc/cycles/total:gc-cycles", "Collections of garbage.", true},
	{"go_gc_cpu_seconds_total", "/cpu/classes/gc/total:cpu-seconds", "Time of processors that the collector took.", true},
}

// Process shows the process itself: its version, the Go runtime, and what the system
// says of it. What a system doesn't tell is left out.
func Process(version string) Source {
	started := time.Now()
	return func(_ context.Context, w *Writer) {
		w.Gauge("zeblit_build_info", "1, with the version of the program.", 1, "version", version)
		w.Gauge("go_info", "1, with the version of Go.", 1, "version", runtime.Version())
		writeRuntime(w)
		w.Gauge("process_start_time_seconds", "When the process began, in seconds since 1970.", float64(started.UnixMilli())/1e3)
		var used syscall.Rusage
		if syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil {
			seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
			w.Counter("process_cpu_seconds_total", "Time of processors that the process took.", seconds(used.Utime)+seconds(used.Stime))
		}
		if pages, ok := residentPages(); ok {
			w.Gauge("process_resident_memory_bytes", "Memory of the process that is in the machine's memory.", float64(pages*os.Getpagesize()))
		}
		if open, ok := openFiles(); ok {
			w.Gauge("process_open_fds", "Files and connections that are open.", float64(open))
		}
		var limit syscall.Rlimit
		if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
			w.Gauge("process_max_fds", "Files and connections that may be open.", float64(limit.Cur))
		}
	}
}

func writeRuntime(w *Writer) {
	samples := make([]runtimemetrics.Sample, len(fromRuntime))
	for i, m := range fromRuntime {
		samples[i].Name = m.source
	}
	runtimemetrics.Read(samples)
	for i, m := range fromRuntime {
		var value float64
		switch v := samples[i].Value; v.Kind() {
		case runtimemetrics.KindUint64:
			value = float64(v.Uint64())
		case runtimemetrics.KindFloat64:
			value = v.Float64()
		default:
			continue // this version of Go has it no more
		}
		if m.counter {
			w.Counter(m.name, m.help, value)
		} else {
			w.Gauge(m.name, m.help, value)
		}
	}
}

// residentPages reads Linux' second field of statm.
func residentPages() (pages int, ok bool) {
	raw, err := os.ReadFile("/proc/self/statm")
	fields := bytes.Fields(raw)
	if err != nil || len(fields) < 2 {
		return 0, false
	}
	pages, err = strconv.Atoi(string(fields[1]))
	return pages, err == nil
}

// openFiles counts them, but for the folder that it reads for that.
func openFiles() (open int, ok bool) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, false
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	return len(names) - 1, err == nil
}
