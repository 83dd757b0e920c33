//go:build unix

package sshadd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"

	"github.com/keybroker/keybroker/platform"
)

// Supported reports whether Convert works on this system.
const Supported = true

// askpassFD is the descriptor on which the askpass program gets the passphrase.
const askpassFD = 3

// run is one running ssh-add.
type run struct {
	cmd           *exec.Cmd
	stderr        limitedBuffer
	feeders       sync.WaitGroup // write the key file and the passphrase
	ourEnds       []io.Closer
	passphraseErr error // why no passphrase was given; set before feeders are done
}

func start(ctx context.Context, c Config, socket string, file []byte) (*run, error) {
	r := new(run)
	answers, askpass, err := pair()
	if err != nil {
		return nil, err
	}
	defer askpass.Close()
	r.cmd = exec.CommandContext(ctx, c.Program, "-k", "-")
	r.cmd.ExtraFiles = []*os.File{askpass}
	r.cmd.Stderr = &r.stderr
	r.cmd.Env = environ(c, socket)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // without a terminal it must use the askpass program
	input, err := platform.StartChild(r.cmd)
	if err != nil {
		answers.Close()
		return nil, err
	}
	r.ourEnds = []io.Closer{input, answers}
	r.feeders.Go(func() {
		_, _ = input.Write(file)
		_ = input.CloseWrite()
	})
	r.feeders.Go(func() { r.passphraseErr = answer(ctx, c, answers) })
	return r, nil
}

// environ is the person's environment, without variables that would redirect
// ssh-add or its askpass program. OpenSSH before 8.4 uses askpass only if DISPLAY
// is set.
func environ(c Config, socket string) []string {
	env := slices.DeleteFunc(os.Environ(), func(pair string) bool {
		return hasName(pair, "SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", Variable)
	})
	env = append(env, c.Env...)
	return append(env, "SSH_AUTH_SOCK="+socket, "SSH_ASKPASS="+c.Askpass, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=none", Variable+"="+fmt.Sprint(askpassFD))
}

// answer gives the passphrase once. A second question means that it was wrong.
func answer(ctx context.Context, c Config, conn *os.File) error {
	defer conn.Close()
	var question [1]byte
	for asked := false; ; asked = true {
		if _, err := io.ReadFull(conn, question[:]); err != nil {
			return nil // ssh-add asks no more
		}
		if asked {
			return ErrPassphrase
		}
		passphrase, err := c.Passphrase(ctx)
		if err != nil {
			return err
		}
		line := append(slices.Clip(passphrase), '\n')
		_, err = conn.Write(line)
		clear(line)
		clear(passphrase)
		if err != nil {
			return err
		}
	}
}

func (r *run) pid() int { return r.cmd.Process.Pid }

func (r *run) wait() error {
	err := r.cmd.Wait()
	r.close()
	r.feeders.Wait()
	return err
}

func (r *run) close() {
	for _, file := range r.ourEnds {
		file.Close()
	}
}

func (r *run) passphraseError() error { return r.passphraseErr }

// complaint says why ssh-add handed over no key.
func (r *run) complaint(failure error) error {
	if text := r.stderr.text(); text != "" {
		return errors.New(text)
	}
	if failure == nil {
		failure = errors.New("it ended without a key")
	}
	return failure
}

// pair is a socketpair: ours, and the child's end.
func pair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
	}
	_ = syscall.SetNonblock(fds[0], true) // so that closing it ends a read
	return os.NewFile(uintptr(fds[0]), "ssh-add"), os.NewFile(uintptr(fds[1]), "ssh-add"), nil
}
