//go:build linux && (amd64 || arm64)

package inside

import (
	"errors"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zeblit/zeblit/internal/sandbox/seccomp"
)

// firstMark is where marks begin: above any limit that could be set otherwise.
const firstMark = 1 << 40

// killPatience is how long killing may take before it is given up with an error. A
// process in the kernel's hands dies only when that lets go.
const killPatience = 20 * time.Second

// reaper collects what has ended, children of ours and orphans, and knows who belongs
// to which mark.
type reaper struct {
	mu      sync.Mutex
	waiting map[int]chan<- unix.WaitStatus // by process id; each channel has room for its one status
	stop    chan struct{}                  // closed to end
	done    chan struct{}                  // closed when ended
}

func newReaper() *reaper {
	r := &reaper{waiting: map[int]chan<- unix.WaitStatus{}, stop: make(chan struct{}), done: make(chan struct{})}
	go r.run()
	return r
}

func (r *reaper) close() {
	close(r.stop)
	<-r.done
}

// run collects at every SIGCHLD, which may stand for several ends, and now and then as
// signals may be lost to a full channel.
func (r *reaper) run() {
	defer close(r.done)
	ended := make(chan os.Signal, 1) // one more says nothing new
	signal.Notify(ended, unix.SIGCHLD)
	defer signal.Stop(ended)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		r.collect()
		select {
		case <-ended:
		case <-ticker.C:
		case <-r.stop:
			return
		}
	}
}

func (r *reaper) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if waiting := r.waiting[pid]; waiting != nil {
			waiting <- status
			delete(r.waiting, pid)
		}
	}
}

// launch starts a process while nothing is collected, and returns where its end will
// be told.
func (r *reaper) launch(start func() (*os.Process, error)) (int, <-chan unix.WaitStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	started, err := start()
	if err != nil {
		return 0, nil, err
	}
	ended := make(chan unix.WaitStatus, 1)
	r.waiting[started.Pid] = ended
	pid := started.Pid
	return pid, ended, started.Release()
}

// members are the processes of a mark; for zero all of our user but us. What joins us
// to an engine is another user's.
func members(mark uint64) []int {
	var found []int
	for _, pid := range processIDs() {
		if pid != os.Getpid() && marked(pid, mark) {
			found = append(found, pid)
		}
	}
	return found
}

func processIDs() []int {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = proc.Close() }()
	names, _ := proc.Readdirnames(-1)
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func marked(pid int, mark uint64) bool {
	var limit unix.Rlimit
	return unix.Prlimit(pid, seccomp.Mark, nil, &limit) == nil && (mark == 0 || limit.Max == mark)
}

// send signals everyone of a mark once, also those that come while it does. It returns
// how many there were.
func send(mark uint64, number unix.Signal) int {
	told := map[int]bool{}
	for again := true; again; {
		again = false
		for _, pid := range members(mark) {
			if told[pid] {
				continue
			}
			told[pid] = true
			again = signalIfMarked(pid, mark, number) || again
		}
	}
	return len(told)
}

// signalIfMarked holds on to the process while it looks at its mark, so that the signal
// can't reach another that got its number.
func signalIfMarked(pid int, mark uint64, number unix.Signal) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	return marked(pid, mark) && unix.PidfdSendSignal(fd, number, nil, 0) == nil
}

// kill ends everyone of a mark: first all are stopped, so that none can start another,
// then killed. It returns when none is left.
func (r *reaper) kill(mark uint64) error {
	deadline := time.Now().Add(killPatience)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if len(members(mark)) == 0 {
			return nil
		}
		send(mark, unix.SIGSTOP)
		send(mark, unix.SIGKILL)
		r.collect()
		if len(members(mark)) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("processes don't end although they were killed")
		}
		time.Sleep(pause)
	}
}

// killAll ends every process but us, at one stroke of the kernel's as often as it takes.
func (r *reaper) killAll() error {
	deadline := time.Now().Add(killPatience)
	for {
		_ = unix.Kill(-1, unix.SIGKILL) // says nothing that the next line doesn't
		r.collect()
		if len(members(0)) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("processes don't end although they were killed")
		}
		time.Sleep(2 * time.Millisecond)
	}
}
