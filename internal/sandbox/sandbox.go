package sandbox

import (
	"context"
	"io"
	"time"
)

// Work is the folder inside that keeps files. Worktrees are folders in it.
const Work = "/work"

// Labels that every sandbox should have; others may be added.
const (
	LabelInstallation = "installation" // the database's own name; List is by it
	LabelProject      = "project"
	LabelNode         = "node"
)

// Driver makes sandboxes and finds those that there are. It is safe for concurrent use.
type Driver interface {
	// Name is "bubblewrap" or "docker".
	Name() string
	// Check tries whether sandboxes work here, by making one. The report is complete
	// also with an error, which then says why nothing will run.
	Check(ctx context.Context) (Report, error)
	// Create makes a sandbox that runs, with an empty Work. ErrExists where the id has
	// one already, in whatever state; also a lost one must be deleted first.
	Create(ctx context.Context, spec Spec) (Sandbox, error)
	// Open finds one that runs or is stopped; it doesn't wake it. ErrNotFound: there is
	// none. ErrGone: there was one, and its files are lost. ErrUnreachable: it can't be
	// said, or another process of this machine owns it.
	Open(ctx context.Context, id string) (Sandbox, error)
	// List finds all sandboxes of this installation that this driver can see, also lost
	// ones, which are Deleted, and those of other owners.
	List(ctx context.Context) ([]Found, error)
	// Delete removes what there is of a sandbox by its id, for those that can't be
	// opened. It refuses with ErrUnreachable what another living process owns. Deleting
	// what isn't there is no error.
	Delete(ctx context.Context, id string) error
	// Close ends what runs here without keeping its files, and waits for it. Stop first
	// what is to be kept.
	Close() error
}

// Found is one of List's.
type Found struct {
	ID     string
	Labels map[string]string
	State  State
	// Owned is whether a process that lives holds it, this one or another. What isn't
	// owned and isn't Stopped is an orphan, to be deleted.
	Owned bool
}

// State is what a sandbox is in. States are never guessed: see Unreachable.
type State string

// The states.
const (
	Running     State = "running"
	Stopped     State = "stopped"     // no processes; its files are kept
	Unreachable State = "unreachable" // it may run or not; nobody can say now
	Deleted     State = "deleted"     // it is gone with its files, on purpose or lost
)

// Sandbox is one project's. It is safe for concurrent use. Its methods fail with
// ErrStopped, ErrGone or ErrUnreachable where it isn't running.
type Sandbox interface {
	ID() string
	State(ctx context.Context) (State, error)

	// Start starts a command. It ends by itself, by Signal, by its Timeout or by Close,
	// but not with ctx, which is for starting only.
	Start(ctx context.Context, command Command) (Process, error)

	// Scan lists all regular files and symbolic links below a root, sorted by path. It
	// follows no link, and reads again only files whose size, times or inode changed.
	Scan(ctx context.Context, root string, options ScanOptions) ([]Entry, error)
	// Put unpacks a tar below a root, which it creates where it isn't there: folders,
	// regular files with their execute bit, symbolic links. Each file is replaced at once,
	// and never through a link. What stands in the way of a folder is removed.
	Put(ctx context.Context, root string, tar io.Reader) error
	// Remove removes files, links and folders with all they have. A path that isn't there
	// is no error. The path "." empties the root and removes it.
	Remove(ctx context.Context, root string, paths []string) error
	// Get is a tar of files, links and folders with all they have; a link is itself, not
	// what it points to. ErrNoFile where a path isn't there. Close it.
	Get(ctx context.Context, root string, paths []string) (io.ReadCloser, error)

	Stats(ctx context.Context) (Stats, error)

	// Stop ends all processes and keeps the files. left says in a sentence what of them
	// can't be kept; empty: everything is. Stopping what is stopped is no error.
	Stop(ctx context.Context) (left string, err error)
	// Wake brings back what was stopped, with the files and without the processes.
	Wake(ctx context.Context) error
	// Delete ends it and its files, from whatever state.
	Delete(ctx context.Context) error
}

// Command is what to start.
type Command struct {
	// Argv is the program and its arguments. The program is looked up in PATH unless it
	// has a slash. No shell is added.
	Argv []string
	// Dir is the working folder below Work, as "main" or "main/web". Empty: Work.
	Dir string
	// Env is added to the sandbox's.
	Env map[string]string
	// Stdin is read until it ends; nil is empty input.
	Stdin io.Reader
	// Timeout ends the whole tree. Zero: it may run as long as the sandbox.
	Timeout time.Duration
}

// Process is a command that was started, with all that it starts. Somebody must read
// its output: a command that prints waits meanwhile.
type Process interface {
	// ID is its process id inside, for people.
	ID() int
	// Next waits for output and returns it in chunks of 64 KiB at most. io.EOF once
	// nobody of the tree can write any more. The chunk is valid until the next call.
	Next(ctx context.Context) (Chunk, error)
	// Signal sends one to the whole tree: INT, TERM, KILL, HUP, QUIT, STOP, CONT, USR1
	// or USR2. KILL doesn't return before the tree is gone.
	Signal(ctx context.Context, name string) error
	// Wait waits until the command itself has ended, which needs its output to be read;
	// others of its tree may still run. It may be called by several and at any time.
	Wait(ctx context.Context) (Exit, error)
	// Close kills what is left of the tree, and forgets it. Always call it.
	Close() error
}

// Stream is which output a chunk belongs to.
type Stream uint8

// The two outputs of a command.
const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// MaxChunk is the most that one chunk holds, in bytes.
const MaxChunk = 64 << 10

// Chunk is a piece of output.
type Chunk struct {
	Stream Stream
	Data   []byte
}

// Exit is how a command ended.
type Exit struct {
	Code     int    // 128 + the signal's number where a signal ended it
	Signal   string // as KILL; empty where it ended by itself
	TimedOut bool   // its Timeout ended it
	// OutOfMemory: the kernel killed a process of this sandbox for memory while the
	// command ran. False also where the host doesn't tell.
	OutOfMemory bool
	// Left is how many processes of its tree still ran when it ended.
	Left int
}

// ScanOptions say what Scan may leave out.
type ScanOptions struct {
	// Skip are names of folders or files ("node_modules", ".git") anywhere, or paths below
	// the root (with a slash, as "web/dist" or "./dist") that are not listed or entered.
	Skip []string
	// MaxFileSize is up to where files are hashed; larger ones have an empty Hash. Zero: all.
	MaxFileSize int64
	// MaxEntries fails the scan with ErrTooMany beyond. Zero: 200 000.
	MaxEntries int
	// Full reads every file again. A program that only writes through a shared memory map
	// may change a file without its times, on older kernels.
	Full bool
}

// Mode is what an entry is.
type Mode string

// The modes that a worktree can have, as in git.
const (
	Regular    Mode = "100644"
	Executable Mode = "100755"
	Symlink    Mode = "120000"
)

// Entry is a file below a root.
type Entry struct {
	Path string `json:"path"` // with slashes, relative to the root
	Mode Mode   `json:"mode"`
	Size int64  `json:"size"` // bytes
	// Hash is git's of the blob, 40 hexadecimal digits: SHA-1 of "blob <size>\0" and the
	// content, which is the target where it is a link.
	Hash string `json:"hash,omitempty"`
}

// Stats are what a sandbox uses. What can't be known is -1.
type Stats struct {
	Memory      int64 // bytes, files included: they are in memory
	MemoryPeak  int64
	CPU         time.Duration // since it was created or woken
	Processes   int           // of commands, not ours
	Disk        int64         // bytes below Work
	DiskLimit   int64
	OutOfMemory int // how often the kernel killed for memory
}
