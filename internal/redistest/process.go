package redistest

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	tcp  = "redis"
	unix = "unix"
)

var errTaken = errors.New("another program has its address")

// process is a running redis-server.
type process struct {
	url      string
	dir      string // its own, when it isn't the socket's
	pid      int
	watchdog *exec.Cmd
	alive    io.Closer // the watchdog's standard input
}

// watchdog tells the server's pid, and kills the server when its own standard input
// ends, which happens when this process does.
const watchdog = `
redis-server "$@" >"$DIR/log" 2>&1 </dev/null &
server=$!
trap '' INT TERM HUP
echo $server
read -r _
kill -KILL $server 2>/dev/null; wait $server
[ -z "$KEEP" ] && rm -rf "$DIR"
exit 0
`

// start runs a server at a new address.
func start(scheme string) (*process, error) {
	if scheme == unix {
		dir, err := os.MkdirTemp("", "zeblit-redis-")
		if err != nil {
			return nil, err
		}
		return startAt("unix://" + filepath.Join(dir, "redis.sock"))
	}
	var err error
	for range 5 { // another program may take the port first
		var port int
		if port, err = freePort(); err != nil {
			return nil, err
		}
		var p *process
		if p, err = startAt(fmt.Sprintf("redis://127.0.0.1:%d", port)); !errors.Is(err, errTaken) {
			return p, err
		}
	}
	return nil, err
}

func startAt(address string) (*process, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errors.New(`no Redis: set TEST_REDIS_URL or install redis-server (Debian: apt-get install redis-server)`)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	p := &process{url: address}
	args := []string{"--save", "", "--appendonly", "no", "--daemonize", "no"}
	env := os.Environ()
	if u.Scheme == unix {
		p.dir = filepath.Dir(u.Path)
		args = append(args, "--port", "0", "--unixsocket", u.Path)
		env = append(env, "KEEP=1")
	} else {
		if p.dir, err = os.MkdirTemp("", "zeblit-redis-"); err != nil {
			return nil, err
		}
		args = append(args, "--bind", "127.0.0.1", "--port", u.Port())
	}
	args = append(args, "--dir", p.dir)
	p.watchdog = exec.Command("sh", append([]string{"-c", watchdog, "sh"}, args...)...)
	p.watchdog.Env = append(env, "DIR="+p.dir)
	p.watchdog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for the test alone
	if err := p.run(); err != nil {
		return nil, err
	}
	if err := p.await(u); err != nil {
		log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
		return nil, errors.Join(fmt.Errorf("the private Redis did not come up: %w: %s", err, log), p.kill())
	}
	return p, nil
}

// run starts the watchdog and learns the server's pid from it.
func (p *process) run() error {
	in, err := p.watchdog.StdinPipe()
	if err != nil {
		return err
	}
	out, err := p.watchdog.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.watchdog.Start(); err != nil {
		return err
	}
	p.alive = in
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		p.pid, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("start redis-server: %w", err), in.Close(), p.watchdog.Wait())
	}
	return nil
}

// kill ends the server at once and waits for it.
func (p *process) kill() error {
	return errors.Join(p.alive.Close(), p.watchdog.Wait())
}

func (p *process) remove() error { return os.RemoveAll(p.dir) }

func (p *process) await(u *url.URL) error {
	var err error
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); { // the machine may be busy
		if err = p.ping(u); err == nil {
			return nil
		}
		if log, _ := os.ReadFile(filepath.Join(p.dir, "log")); bytes.Contains(log, []byte("Failed listening on")) {
			return errTaken
		}
		time.Sleep(25 * time.Millisecond)
	}
	return err
}

// ping finds the server itself at its address, and no other one.
func (p *process) ping(u *url.URL) error {
	network, address := "tcp", u.Host
	if u.Scheme == unix {
		network, address = unix, u.Path
	}
	c, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(c, "INFO server\r\n"); err != nil {
		return err
	}
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		if pid, ok := strings.CutPrefix(lines.Text(), "process_id:"); ok {
			if pid != strconv.Itoa(p.pid) {
				return fmt.Errorf("it is process %s and not %d", pid, p.pid)
			}
			return nil
		}
	}
	return fmt.Errorf("it doesn't say which process it is: %w", cmp.Or(lines.Err(), io.ErrUnexpectedEOF))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
