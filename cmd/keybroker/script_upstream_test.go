//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdOther is
//
//	other ssh-agent NAME    OpenSSH's own agent; $NAME is its socket
//	other gpg-agent NAME    GnuPG's, with a home of its own, which $GNUPGHOME is then
//	other gpg-home NAME     the home alone
//	other stop NAME         by SIGSTOP: it hangs
//	other cont NAME
//	other kill NAME         by SIGKILL: its socket stays
//
// Started again under the same name, it is at the same place.
func cmdOther(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: other ssh-agent|gpg-agent|gpg-home|stop|cont|kill NAME")
	}
	r, name := rigOf(ts), args[1]
	switch args[0] {
	case "ssh-agent":
		socket := filepath.Join(r.run, name)
		_ = os.Remove(socket)
		r.startOther(ts, name, socket, "/usr/bin/ssh-agent", "-D", "-a", socket)
	case "gpg-agent":
		r.startGPG(ts, name, r.gpgHome(ts))
	case "gpg-home":
		r.gpgHome(ts)
	case "stop":
		ts.Check(syscall.Kill(r.others[name], syscall.SIGSTOP))
	case "cont":
		ts.Check(syscall.Kill(r.others[name], syscall.SIGCONT))
	case "kill":
		if !endAgent(r.others[name], syscall.SIGKILL) {
			ts.Fatalf("it does not end")
		}
	default:
		ts.Fatalf("unknown: other %s", args[0])
	}
}

func (r *rig) startOther(ts *testscript.TestScript, name, socket, program string, args ...string) {
	p, err := startProcess(r.otherCommand(ts, program, args...))
	ts.Check(err)
	r.onEnd(p.kill)
	r.served(ts, name, socket, p.Process.Pid)
}

// gpgHome makes a home for GnuPG. What runs there, and the directory of its sockets, which
// GnuPG makes elsewhere, go at the end.
func (r *rig) gpgHome(ts *testscript.TestScript) string {
	home := filepath.Join(r.run, "gnupg")
	ts.Check(os.MkdirAll(home, 0o700))
	ts.Setenv("GNUPGHOME", home)
	sockets := r.gpgDir(ts, home, "socketdir")
	end := r.otherCommand(ts, "gpgconf", "--homedir", home, "--kill", "all")
	r.onEnd(func() {
		_ = end.Run()
		if sockets != home {
			_ = os.RemoveAll(sockets)
			_ = os.Remove(filepath.Dir(sockets)) // unless there are others
		}
	})
	return home
}

var gpgStarted = regexp.MustCompile(`gpg-agent\[([0-9]+)\]:? gpg-agent \(GnuPG\) .* started`)

// startGPG starts one that puts itself into the background: it cannot do otherwise.
func (r *rig) startGPG(ts *testscript.TestScript, name, home string) {
	cmd := r.otherCommand(ts, "gpg-agent", "--homedir", home, "--enable-ssh-support", "--disable-scdaemon", "--daemon",
		"--log-file", filepath.Join(home, "log"))
	ts.Check(cmd.Run())
	var pid int
	if !await(func() bool {
		if found := gpgStarted.FindStringSubmatch(readOr(filepath.Join(home, "log"))); found != nil {
			pid, _ = strconv.Atoi(found[1])
		}
		return pid != 0
	}) {
		ts.Fatalf("gpg-agent does not start: %s", readOr(filepath.Join(home, "log")))
	}
	r.onEnd(func() { endAgent(pid, syscall.SIGKILL) })
	r.served(ts, name, r.gpgDir(ts, home, "agent-ssh-socket"), pid)
}

// gpgDir is where GnuPG has something of this home: its sockets lie below
// /run/user where the user has logged in there, whatever XDG_RUNTIME_DIR says.
func (r *rig) gpgDir(ts *testscript.TestScript, home, what string) string {
	out, err := r.otherCommand(ts, "gpgconf", "--homedir", home, "--list-dirs", what).Output()
	ts.Check(err)
	return strings.TrimSpace(string(out))
}

func (r *rig) otherCommand(ts *testscript.TestScript, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = r.work
	for _, pair := range environ(ts) {
		if !strings.HasPrefix(pair, "SSH_AUTH_SOCK=") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	return cmd
}

// served waits until it answers.
func (r *rig) served(ts *testscript.TestScript, name, socket string, pid int) {
	if r.others == nil {
		r.others = map[string]int{}
	}
	r.others[name] = pid
	ts.Setenv(name, socket)
	if !await(func() bool { // exit code 1: no keys
		add := exec.Command("/usr/bin/ssh-add", "-l")
		add.Env = []string{"SSH_AUTH_SOCK=" + socket}
		_ = add.Run()
		return add.ProcessState.ExitCode() < 2
	}) {
		ts.Fatalf("%s does not serve", name)
	}
}
