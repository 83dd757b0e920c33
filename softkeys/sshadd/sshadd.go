// Package sshadd reads private key files with the user's ssh-add: keybroker can
// import every file that OpenSSH reads on this machine.
//
// ssh-add sends the parsed key to a private socket by the agent protocol. The
// socket lies in a private directory (0700). It accepts one key, and only from
// the ssh-add that this package started, which is closed to other programs of
// the user (platform.Program). A socketpair carries the file to ssh-add. Another
// carries the passphrase to ssh-add's askpass program, which is this program and
// hardens itself first. The only pipe is ssh-add's, to its askpass program.
package sshadd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

const (
	// maxWait bounds a run, which includes the time that the person types.
	maxWait = 10 * time.Minute
	// maxComplaint bounds the kept part of ssh-add's error output.
	maxComplaint = 4 << 10
)

// The errors of Convert that are not ssh-add's own.
var (
	ErrPassphrase  = errors.New("the passphrase does not open the private key")
	ErrSecurityKey = errors.New("it is the handle of a security key, whose private key never leaves the device")
)

// Config configures Convert.
type Config struct {
	Program string   // path of ssh-add
	Dir     string   // where the socket's directory is made; "": the system's directory for temporary files
	Askpass string   // path of the program that calls Answer when Variable is set
	Env     []string // of ssh-add, in addition to what Convert sets

	// Passphrase asks the person. It is called once at most; Convert wipes the result.
	Passphrase func(ctx context.Context) ([]byte, error)
}

// Convert has ssh-add read a private key file, and returns the key with its
// comment as an OpenSSH file that is not encrypted. The caller wipes both.
func Convert(ctx context.Context, c Config, file []byte) ([]byte, error) {
	dir, err := os.MkdirTemp(c.Dir, "keybroker-import")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	listener, err := platform.Listen(filepath.Join(dir, "agent.sock"))
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	run, err := start(ctx, c, listener.Addr().String(), file)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Program, err)
	}
	taken := make(chan []byte, 1)
	go func() { taken <- take(listener, run.pid()) }()
	failure := run.wait()
	listener.Close()
	key := <-taken
	switch {
	case run.passphraseError() != nil:
		clear(key)
		return nil, run.passphraseError()
	case key != nil:
		return toOpenSSH(key)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("%s: %w", c.Program, run.complaint(failure))
}

// take returns the first request that adds a key, from process pid alone.
func take(listener net.Listener, pid int) []byte {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return nil
		}
		if key := serve(conn, pid); key != nil {
			return key
		}
	}
}

func serve(conn net.Conn, pid int) []byte {
	defer conn.Close()
	if peer, err := platform.PeerOf(conn); err != nil || peer.PID != pid || !platform.SameUser(peer) {
		return nil
	}
	_ = conn.SetDeadline(time.Now().Add(maxWait))
	for {
		message, err := wire.ReadFrame(conn)
		if err != nil {
			return nil
		}
		request, err := wire.ParseRequest(message)
		if _, adds := request.(wire.AddIdentity); err == nil && adds {
			_ = wire.WriteFrame(conn, wire.Success.Marshal())
			return message
		}
		if wire.WriteFrame(conn, wire.Failure.Marshal()) != nil {
			return nil
		}
	}
}

// limitedBuffer keeps the first maxComplaint bytes.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := maxComplaint - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

func (b *limitedBuffer) text() string {
	return platform.Escape(strings.Join(strings.Fields(b.String()), " "), maxComplaint)
}

// Find returns the path of the user's ssh-add, or "".
func Find() string {
	path, err := exec.LookPath("ssh-add")
	if err != nil {
		return ""
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return ""
	}
	return path
}
