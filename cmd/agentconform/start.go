package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

const (
	startTime = 20 * time.Second      // until the first connection
	stopTime  = 5 * time.Second       // until it is killed
	pollTime  = 20 * time.Millisecond // between two tries
	lastWords = 2 << 10               // of its output, in an error
)

// started is an agent in a directory of its own.
type started struct {
	command, address string // with their placeholders

	dir    string
	socket string
	cmd    *exec.Cmd
	ended  chan struct{}
	failed chan error // its first process ended with an error
	output *output
	pid    int // that it printed; 0: none
}

func startAgent(ctx context.Context, command, address string) (*started, error) {
	s := &started{command: command, address: address}
	if err := s.launch(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// launch returns once the agent takes connections.
func (s *started) launch(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "agentconform-"); err != nil {
		return err
	}
	s.socket = s.address
	if s.socket == "" && strings.Contains(s.command, "{socket}") {
		s.socket = filepath.Join(s.dir, "agent.sock")
		if runtime.GOOS == "windows" {
			s.socket = pipePrefix + filepath.Base(s.dir)
		}
	}
	s.socket = strings.ReplaceAll(s.socket, "{dir}", s.dir)
	if err := s.writeAskpass(); err != nil {
		return err
	}
	command := strings.NewReplacer("{socket}", s.socket, "{dir}", s.dir).Replace(s.command)
	s.output, s.ended, s.pid = new(output), make(chan struct{}), 0
	s.cmd = shell(command)
	s.cmd.Dir, s.cmd.Env = s.dir, s.environment()
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.WaitDelay = stopTime // what it left running may hold its output open
	if err := s.cmd.Start(); err != nil {
		return err
	}
	cmd, ended := s.cmd, s.ended
	s.failed = make(chan error, 1)
	go func(failed chan<- error) {
		if err := cmd.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			failed <- err
		}
		close(ended)
	}(s.failed)
	return s.wait(ctx)
}

// printed are the lines of ssh-agent's output, for the Bourne and the C shell.
var printed = regexp.MustCompile(`(SSH_AUTH_SOCK|SSH_AGENT_PID)[= ]'?([^;'\n]+)`)

func (s *started) wait(ctx context.Context) error {
	deadline := time.Now().Add(startTime)
	for ctx.Err() == nil && time.Now().Before(deadline) {
		s.readOutput()
		if s.socket != "" {
			if conn, err := s.Dial(ctx); err == nil {
				return conn.Close()
			}
		}
		select {
		case err := <-s.failed:
			return fmt.Errorf("%w: the command failed (%w): %s", errNoAgent, err, platform.Escape(s.output.String(), lastWords))
		case <-time.After(pollTime):
		}
	}
	return problem.With(fmt.Errorf("%w after %v: %s", errNoAgent, startTime, platform.Escape(s.output.String(), lastWords)),
		"use {socket} in the command, or name the socket: unix:{dir}/NAME")
}

func (s *started) readOutput() {
	for _, found := range printed.FindAllStringSubmatch(s.output.String(), -1) {
		switch {
		case found[1] == "SSH_AUTH_SOCK" && s.socket == "":
			s.socket = strings.TrimSpace(found[2])
		case found[1] == "SSH_AGENT_PID":
			s.pid, _ = strconv.Atoi(strings.TrimSpace(found[2]))
		}
	}
}

// environment has nothing of the person's agent, desktop and files.
func (s *started) environment() []string {
	env := []string{
		"HOME=" + s.dir, "TMPDIR=" + s.dir, "XDG_RUNTIME_DIR=" + s.dir,
		"XDG_CONFIG_HOME=" + filepath.Join(s.dir, "config"), "XDG_DATA_HOME=" + filepath.Join(s.dir, "data"),
		"XDG_STATE_HOME=" + filepath.Join(s.dir, "state"), "XDG_CACHE_HOME=" + filepath.Join(s.dir, "cache"),
		"SSH_ASKPASS=" + s.askpass(), "SSH_ASKPASS_REQUIRE=force", "DISPLAY=:agentconform",
	}
	for _, name := range []string{"PATH", "USER", "LOGNAME", "LANG", "SystemRoot", "SystemDrive", "USERPROFILE", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// The program that answers questions: yes if there is a file "yes" beside it.
func (s *started) askpass() string { return filepath.Join(s.dir, "askpass") }

func (s *started) writeAskpass() error {
	return os.WriteFile(s.askpass(), []byte("#!/bin/sh\n[ -e \""+filepath.Join(s.dir, "yes")+"\" ]\n"), 0o700)
}

// Confirm implements conformance.Agent.
func (s *started) Confirm(yes bool) bool {
	if runtime.GOOS == "windows" {
		return false
	}
	file := filepath.Join(s.dir, "yes")
	if yes {
		return os.WriteFile(file, nil, 0o600) == nil
	}
	err := os.Remove(file)
	return err == nil || errors.Is(err, os.ErrNotExist)
}

// Dial implements conformance.Agent.
func (s *started) Dial(ctx context.Context) (net.Conn, error) { return platform.Dial(ctx, s.socket) }

// Disposable implements conformance.Agent.
func (*started) Disposable() bool { return true }

// Fresh implements conformance.Agent.
func (s *started) Fresh(ctx context.Context) error {
	s.Close()
	return s.launch(ctx)
}

// Close ends the agent and deletes its directory.
func (s *started) Close() {
	if s.cmd != nil && s.cmd.Process != nil {
		end(s.cmd.Process.Pid, s.pid)
		select {
		case <-s.ended:
		case <-time.After(stopTime):
			kill(s.cmd.Process.Pid, s.pid)
			<-s.ended
		}
	}
	s.cmd = nil
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// output keeps what the agent prints.
type output struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if room := lastWords - o.buf.Len(); room > 0 {
		o.buf.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
