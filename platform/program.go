package platform

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// outputDelay is how long Wait waits for a child's standard error after the child
// has ended: a process that the child has left behind may hold it for ever.
const outputDelay = 2 * time.Second

// Program is a program that answers a question or sees a secret.
//
// On Linux its processes are closed to other processes of the user from their first
// instruction on: none can trace them, read or write their memory, or take their
// descriptors. The kernel does that for a process whose program file the user may not
// read (execve(2), PR_SET_DUMPABLE(2const)). So a file that the user may read runs as a
// copy in memory, which has no name, cannot be changed and is not readable. If the file
// is replaced, the copy stays the same.
type Program struct {
	path  string
	image *os.File // the copy; nil: the file itself is run
	gap   error    // see Gap
}

// LoadProgram prepares the program at an absolute path.
func LoadProgram(path string) (*Program, error) { return loadProgram(path) }

// Gap returns why other processes of the user can reach this program's processes until
// those close themselves; nil if they cannot.
func (p *Program) Gap() error { return p.gap }

// Unreadable says that the user may not read the program's file, so that its
// processes are closed whoever starts them.
func (p *Program) Unreadable() bool { return p.image == nil && p.gap == nil }

// Close gives the copy back. Processes that run it are not affected.
func (p *Program) Close() {
	if p.image != nil {
		_ = p.image.Close()
	}
}

// Start starts cmd, whose path is that of the program. The process has one end of
// a new connection as its standard input and output; the other end is returned. No
// other process of the user can open either through /proc/PID/fd.
func (p *Program) Start(cmd *exec.Cmd) (Conn, error) {
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	conn, stdin, stdout, err := connect()
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout = stdin, stdout
	cmd.WaitDelay = outputDelay
	err = p.start(cmd)
	_ = stdin.Close()
	_ = stdout.Close() // on Unix the same, and closed already
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// start runs the copy under the program's own name.
func (p *Program) start(cmd *exec.Cmd) error {
	if p.image == nil {
		return cmd.Start()
	}
	cmd.Path = imagePath(p.image)
	err := cmd.Start()
	cmd.Path = p.path
	runtime.KeepAlive(p)
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		failed.Path = p.path
	}
	return err
}

// StartKnown runs the program of cmd once, from its own file, for a program that the
// agent must recognize. Nobody can open its input and output, but it can be traced like
// any program of the user.
func StartKnown(cmd *exec.Cmd) (Conn, error) {
	return (&Program{path: cmd.Path}).Start(cmd)
}

// StartChild runs the program of cmd once: see Program.Start.
func StartChild(cmd *exec.Cmd) (Conn, error) {
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	p, err := LoadProgram(cmd.Path)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Start(cmd)
}
