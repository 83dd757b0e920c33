//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/keybroker/keybroker/sshagent"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// cmdAgent is
//
//	agent start [flag …]        the drop-in, in the background; $SSH_AUTH_SOCK and $SSH_AGENT_PID are set
//	agent foreground [flag …]   the same, with -d or -D; its standard error is agent.err
//	agent stop                  by SIGTERM; it must end with its socket
//	agent kill                  by SIGKILL
//	agent ended                 wait for its end
func cmdAgent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: agent start|foreground|stop|kill|ended [flag …]")
	}
	switch args[0] {
	case "start":
		ts.Check(ts.Exec(sshagent.Name, args[1:]...))
		setAgent(ts, ts.ReadFile("stdout"))
		pid := agentPID(ts)
		rigOf(ts).onEnd(func() { endAgent(pid, syscall.SIGKILL) })
	case "foreground":
		startForeground(ts, args[1:])
	case "stop":
		if !endAgent(agentPID(ts), syscall.SIGTERM) {
			ts.Fatalf("the agent does not end")
		}
		if _, err := os.Lstat(ts.Getenv("SSH_AUTH_SOCK")); !errors.Is(err, os.ErrNotExist) {
			ts.Fatalf("it left its socket: %v", err)
		}
	case "kill":
		endAgent(agentPID(ts), syscall.SIGKILL)
	case "ended":
		if !endAgent(agentPID(ts), 0) {
			ts.Fatalf("the agent does not end")
		}
	default:
		ts.Fatalf("unknown: agent %s", args[0])
	}
}

var agentOutput = regexp.MustCompile(`(?m)(SSH_AUTH_SOCK|SSH_AGENT_PID)[= ]'?([^';\n]+)|Agent pid ([0-9]+)`)

// setAgent reads what a shell would evaluate.
func setAgent(ts *testscript.TestScript, output string) {
	for _, found := range agentOutput.FindAllStringSubmatch(output, -1) {
		if found[3] != "" {
			found[1], found[2] = "SSH_AGENT_PID", found[3]
		}
		ts.Setenv(found[1], found[2])
	}
}

func agentPID(ts *testscript.TestScript) int {
	pid, err := strconv.Atoi(ts.Getenv("SSH_AGENT_PID"))
	ts.Check(err)
	return pid
}

// endAgent waits for the end of a process that this one has become the parent of.
func endAgent(pid int, signal syscall.Signal) bool {
	if signal != 0 {
		_ = syscall.Kill(pid, signal)
	}
	return await(func() bool {
		_, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
		return errors.Is(err, unix.ECHILD) && !isRunning(pid)
	})
}

func isRunning(pid int) bool {
	stat := readOr(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(stat, ") ")
	return stat != "" && !strings.HasPrefix(state, "Z")
}

func startForeground(ts *testscript.TestScript, flags []string) {
	cmd := exec.Command(commandPath(ts, sshagent.Name), flags...)
	cmd.Env, cmd.Dir = environ(ts), ts.Getenv("WORK")
	output, err := os.Create(filepath.Join(cmd.Dir, "agent.out"))
	ts.Check(err)
	defer output.Close()
	errorsTo, err := os.Create(filepath.Join(cmd.Dir, "agent.err"))
	ts.Check(err)
	defer errorsTo.Close()
	cmd.Stdout, cmd.Stderr = output, errorsTo
	p, err := startProcess(cmd)
	ts.Check(err)
	rigOf(ts).onEnd(p.kill)
	if !await(func() bool { return p.ended() || strings.Contains(readOr(output.Name()), "Agent pid") }) || p.ended() {
		ts.Fatalf("it does not serve: %s", readOr(errorsTo.Name()))
	}
	setAgent(ts, readOr(output.Name()))
}

// cmdUntil is "until N PROGRAM [ARG …]": tried until its exit code is N.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until N PROGRAM [ARG …]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	program := commandPath(ts, args[1])
	code := 0
	if !await(func() bool {
		cmd := exec.Command(program, args[2:]...)
		cmd.Env = append(environ(ts), "SSH_AUTH_SOCK="+ts.Getenv("SSH_AUTH_SOCK"))
		cmd.Dir = ts.Getenv("WORK")
		_ = cmd.Run()
		code = cmd.ProcessState.ExitCode()
		return code == want
	}) {
		ts.Fatalf("exit code %d, not %d", code, want)
	}
}
