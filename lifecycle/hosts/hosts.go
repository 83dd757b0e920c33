// Package hosts reads and changes authorized_keys on servers, and asks servers which
// keys they accept.
//
// The system's own ssh carries everything: all of ssh_config, jump hosts and second
// factors work, and it tells the agent which server it logs in to. A Host is one
// ssh with the SFTP subsystem on its pipe. No connection is shared by a socket
// (ControlMaster): what another program of the user can open would be a way past
// the question (docs/decisions/0084).
package hosts

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Dialer says how hosts are reached. The zero Dialer is ready.
type Dialer struct {
	SSH        string          // the program; "": ssh of PATH
	Config     string          // its -F; "": the user's ssh_config
	Batch      bool            // no question on the terminal: a password or an unknown host key fails
	Timeout    time.Duration   // for the connection alone; 0: DefaultTimeout
	Identity   []ssh.PublicKey // log in with one of these keys alone, which the agent holds; nil: as ssh_config says
	Pause      time.Duration   // before the next try at a server that takes no more logins at once; 0: DefaultPause
	Settle     time.Duration   // after a file was replaced, how long who has the old one open may still write to it; 0: DefaultSettle
	SSHDConfig string          // where the server's sshd_config is; "": where sshd looks

	// Announce tells the broker the names of the hosts that will be logged in to, so that
	// it asks once for all of them; nil: it is not told. An error changes nothing.
	Announce func(ctx context.Context, names []string) (withdraw func(), err error)

	// ListFirst has the agent list a key first for the ssh that this process starts with
	// file on its command line; nil: the agent keeps its order. An error changes nothing.
	ListFirst func(ctx context.Context, blob []byte, file string) (withdraw func(), err error)

	Backups string // directory that gets each file before it is changed, named by its SHA-256; "": none

	known map[string]resolved // by target
}

// DefaultTimeout is for a connection to be made, the time for a touch not counted.
const DefaultTimeout = 15 * time.Second

const (
	// DefaultPause is before the second try. It grows with each.
	DefaultPause = time.Second
	// DefaultSettle is for a program that opened the old file just before it was replaced,
	// on a busy server.
	DefaultSettle = 250 * time.Millisecond
	// maxTries is how often a login is tried at a server that takes no more at this moment
	// (MaxStartups). A run of 20 at once meets one in its jump host.
	maxTries = 5
)

// Host is one account on one server, logged in. Its methods are for one caller at a time.
type Host struct {
	dialer   Dialer
	target   string // as it was given
	resolved resolved
	run      *run
	files    *sftp.Client
	seen     *snooped // what files reads
	dir      string   // private, of this Host
	scratch  *platform.Scratch
	home     string
	banner   string // software version of the server
	key      string // fingerprint of the host key

	closing sync.Once
}

// Dial logs in to target, which is what ssh takes: HOST, USER@HOST or
// ssh://USER@HOST:PORT. ctx bounds the login alone. The error is a *Failure.
func (d Dialer) Dial(ctx context.Context, target string) (*Host, error) {
	if !isTarget(target) {
		return nil, &Failure{Kind: BadTarget, Target: target, err: problem.New("this is no name of a host", "give HOST, USER@HOST or ssh://USER@HOST:PORT")}
	}
	where, known := d.known[target]
	if !known {
		var err error
		if where, err = d.resolve(ctx, target); err != nil {
			return nil, &Failure{Kind: BadTarget, Target: target, err: err}
		}
	}
	scratch, err := platform.NewScratch("kb-host-")
	if err != nil {
		return nil, err
	}
	h := &Host{dialer: d, target: target, resolved: where, dir: scratch.Dir, scratch: scratch}
	if err := h.patiently(ctx, func() error { return h.login(ctx) }); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// patiently does what logs in, and does it again after a pause if the server, or a jump host,
// turned it away. Nobody was asked for a key by then.
func (h *Host) patiently(ctx context.Context, login func() error) error {
	pause := cmp.Or(h.dialer.Pause, DefaultPause)
	for try := 1; ; try++ {
		err := login()
		if KindOf(err) != TurnedAway || try == maxTries {
			return err
		}
		select {
		case <-ctx.Done():
			return &Failure{Kind: Interrupted, Target: h.target, err: context.Cause(ctx)}
		case <-time.After(time.Duration(try)*pause + rand.N(pause)): // not all at the same time
		}
	}
}

// isTarget is false for what ssh would take for an option, and for what a shell would
// take for more than a word: ssh_config's ProxyCommand and Match exec go through one, and
// ssh looks at the name itself only since OpenSSH 9.6.
func isTarget(target string) bool {
	return target != "" && !strings.HasPrefix(target, "-") && !strings.Contains(target, "@-") && !strings.ContainsFunc(target, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("'\"`$;&|<>(){}", r)
	})
}

// login starts ssh and waits for the server's SFTP.
func (h *Host) login(ctx context.Context) error {
	args := []string{"-s"}
	if len(h.dialer.Identity) > 0 {
		args = append(args, "-o", "IdentitiesOnly=yes")
		for _, key := range h.dialer.Identity {
			path, err := h.writePublic(key)
			if err != nil {
				return err
			}
			args = append(args, "-i", path)
		}
	}
	var err error
	if h.run, err = h.start(args, "sftp"); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, h.run.kill)
	h.files, h.seen, err = h.run.sftp()
	if err == nil {
		h.home, err = h.files.RealPath(".")
	}
	if !stop() || err != nil {
		return h.failure(ctx, h.run, err)
	}
	log := h.run.log()
	h.banner, h.key = bannerIn(log), hostKeyIn(log)
	if h.key == "" {
		return h.fail(HostKeyUnknown, "ssh's log does not name one host key alone, so it is not known which server this is", "see what it says: ssh -v "+h.target)
	}
	return nil
}

// writePublic writes a key into a file for ssh's -i.
func (h *Host) writePublic(key ssh.PublicKey) (string, error) {
	name := strings.NewReplacer("/", "_", ":", "_").Replace(authorized.Fingerprint(key.Marshal()))
	path := filepath.Join(h.dir, name+".pub")
	return path, os.WriteFile(path, ssh.MarshalAuthorizedKey(key), 0o600)
}

// Identity is the server: its host key, and the name that the user gave.
func (h *Host) Identity() lifecycle.Host {
	return lifecycle.Host{Key: h.key, Name: h.resolved.name, Port: h.resolved.port, Addresses: h.resolved.addresses()}
}

// Target is what Dial was given.
func (h *Host) Target() string { return h.target }

// Account is the account that it is logged in to.
func (h *Host) Account() string { return h.resolved.user }

// Version is the version of the server's OpenSSH; the zero Version for others.
func (h *Host) Version() authorized.Version { return authorized.ParseVersion(h.banner) }

// LetInBy is the file and line that let this login in, FILE:LINE; "": the server does not say.
func (h *Host) LetInBy() string { return letInBy(h.run.log()) }

// LetIn is the fingerprint of the key that logged in; "": no key did.
func (h *Host) LetIn() string { return letIn(h.run.log()) }

// Close logs out.
func (h *Host) Close() error {
	h.closing.Do(func() {
		if h.files != nil {
			h.files.Close()
		}
		if h.run != nil {
			h.run.end()
		}
		h.scratch.Close()
	})
	return nil
}

// within ends the connection when ctx ends: a request of SFTP cannot be called back.
func (h *Host) within(ctx context.Context) (done func()) {
	stop := context.AfterFunc(ctx, h.run.kill)
	return func() { stop() }
}
