package hosts

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/pkg/sftp"
)

const (
	// maxSaid bounds what is kept of what others write: of the shell's start-up
	// files before SFTP begins, and of a jump host.
	maxSaid = 4096
	// maxLog bounds ssh's own log of one login.
	maxLog = 1 << 20
	// goodbye is how long ssh may take to hang up.
	goodbye = 2 * time.Second
)

// run is one ssh.
type run struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     io.Reader
	logFile string
	said    *tail
	ended   chan struct{}
	err     error // after ended
}

// start runs ssh -v to the host. Its log goes into a file of its own: standard error
// carries what jump hosts and servers write, who could write lines like ssh's.
func (h *Host) start(args []string, command ...string) (*run, error) {
	log, err := os.CreateTemp(h.dir, "log-")
	if err != nil {
		return nil, err
	}
	log.Close()
	timeout := h.dialer.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	all := append(h.dialer.common(), "-v", "-T", "-E", log.Name(), "-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "ClearAllForwardings=yes",
		"-o", "ForwardAgent=no", "-o", "ForwardX11=no", "-o", "PermitLocalCommand=no", "-o", "RemoteCommand=none", "-o", "RequestTTY=no",
		"-o", "ConnectTimeout="+strconv.Itoa(int(timeout.Seconds())), "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3")
	if h.dialer.Batch {
		all = append(all, "-o", "BatchMode=yes")
	}
	all = append(append(all, args...), "--", h.target)
	r := &run{cmd: exec.Command(h.dialer.program(), append(all, command...)...), logFile: log.Name(), said: new(tail), ended: make(chan struct{})}
	r.cmd.Stderr = r.said
	r.cmd.WaitDelay = goodbye
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	// A pipe of our own: Wait would close exec's before everything has been read.
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r.cmd.Stdout = theirs
	err = r.cmd.Start()
	theirs.Close()
	if err != nil {
		out.Close()
		return nil, fmt.Errorf("run %s: %w", filepath.Base(h.dialer.program()), err)
	}
	r.out = out
	go func() {
		r.err = r.cmd.Wait()
		close(r.ended)
	}()
	return r, nil
}

// sftp waits for the server's first packet. A start-up file of the shell that prints
// something makes another beginning, which would be taken for the length of a packet.
func (r *run) sftp() (*sftp.Client, error) {
	peeked := &peeked{r: bufio.NewReader(r.out), run: r}
	client, err := sftp.NewClientPipe(peeked, r.in, sftp.UseConcurrentWrites(false))
	if noise := peeked.noise; noise != nil {
		return nil, noise
	}
	return client, err
}

// peeked looks at the first packet, which is the server's version.
type peeked struct {
	r      *bufio.Reader
	run    *run
	looked bool
	noise  error
}

func (p *peeked) Read(b []byte) (int, error) {
	if p.noise != nil {
		return 0, p.noise
	}
	if !p.looked {
		p.looked = true
		if head, err := p.r.Peek(5); err == nil && (binary.BigEndian.Uint32(head) > maxSaid || head[4] != versionPacket) {
			text, _ := p.r.Peek(min(p.r.Buffered(), 200))
			p.noise = &noise{string(text)}
			return 0, p.noise
		}
	}
	return p.r.Read(b)
}

const versionPacket = 2 // SSH_FXP_VERSION

// noise is text where SFTP should begin.
type noise struct{ text string }

func (n *noise) Error() string { return fmt.Sprintf("text came where SFTP begins: %.80q", n.text) }

func (r *run) log() string {
	file, err := os.Open(r.logFile)
	if err != nil {
		return ""
	}
	defer file.Close()
	data, _ := io.ReadAll(io.LimitReader(file, maxLog))
	return string(data)
}

// kill ends ssh at once.
func (r *run) kill() { _ = r.cmd.Process.Kill() }

// end lets ssh hang up, and waits for its end.
func (r *run) end() {
	r.in.Close()
	select {
	case <-r.ended:
	case <-time.After(goodbye):
		r.kill()
		<-r.ended
	}
}

func (r *run) hasEnded() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex // guards data
	data []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, b...)
	if extra := len(t.data) - maxSaid; extra > 0 {
		t.data = bytes.Clone(t.data[extra:])
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}

var errEnded = errors.New("the connection ended")
