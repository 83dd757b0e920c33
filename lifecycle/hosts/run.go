package hosts

import (
	"cmp"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/pkg/sftp"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

const (
	// maxLog bounds what is kept of what ssh, a jump host and the server write.
	maxLog = 1 << 20
	// maxFirst bounds the first packet of SFTP: a version and its extensions.
	maxFirst = 64 << 10
	// goodbye is how long ssh may take to hang up.
	goodbye = 2 * time.Second
)

// run is one ssh.
type run struct {
	cmd     *exec.Cmd
	conn    platform.Conn // its standard input and output
	logFile string        // "": the log is in said
	said    *said
	ended   chan struct{}
	err     error // after ended
}

// start runs ssh -v to the host. Its log is its standard error, which no other program
// can write to. A jump host's ssh would write lines like it there: then the log is a file.
func (h *Host) start(args []string, command ...string) (*run, error) {
	r := &run{ended: make(chan struct{})}
	all := append(h.dialer.common(), "-v", "-T")
	if h.resolved.proxied {
		log, err := os.CreateTemp(h.dir, "log-")
		if err != nil {
			return nil, err
		}
		log.Close()
		r.logFile = log.Name()
		all = append(all, "-E", log.Name())
	}
	all = append(append(append(all, h.dialer.options()...), args...), "--", h.target)
	r.cmd = exec.Command(h.dialer.program(), append(all, command...)...)
	var err error
	if r.said, err = newSaid(); err != nil {
		return nil, err
	}
	r.cmd.Stderr = r.said.to
	if r.conn, err = platform.StartKnown(r.cmd); err != nil {
		r.said.end()
		return nil, problem.With(err, "install OpenSSH's client, ssh")
	}
	go func() {
		r.err = r.cmd.Wait()
		r.said.end()
		close(r.ended)
	}()
	return r, nil
}

// options are those of every login. Nothing is shared with another login, forwarded, or run.
func (d Dialer) options() []string {
	timeout := cmp.Or(d.Timeout, DefaultTimeout)
	options := []string{"ControlMaster=no", "ControlPath=none", "ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no",
		"PermitLocalCommand=no", "RemoteCommand=none", "RequestTTY=no", "ServerAliveInterval=15", "ServerAliveCountMax=3",
		"FingerprintHash=sha256", "ConnectTimeout=" + strconv.Itoa(max(int(timeout.Seconds()), 1))}
	if d.Batch {
		options = append(options, "BatchMode=yes")
	}
	var args []string
	for _, option := range options {
		args = append(args, "-o", option)
	}
	return args
}

// sftp waits for the server's first packet. A start-up file of the shell that prints
// something makes another beginning, which would be taken for the length of a packet.
func (r *run) sftp() (*sftp.Client, *snooped, error) {
	seen := newSnooped(r.conn)
	client, err := sftp.NewClientPipe(seen, r.conn, sftp.UseConcurrentWrites(false))
	if seen.noise != nil {
		return nil, nil, seen.noise
	}
	return client, seen, err
}

// log is what ssh -v has written until now.
func (r *run) log() string {
	if r.logFile == "" {
		return r.said.text()
	}
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
	_ = r.conn.CloseWrite()
	defer r.conn.Close()
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

var errEnded = errors.New("the connection ended")
