//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdOther is
//
//	other ssh-agent NAME    OpenSSH's own agent; $NAME is its socket
//	other gpg-agent NAME    GnuPG's, with a home of its own, which $GNUPGHOME is then
//	other stop NAME         by SIGSTOP: it hangs
//	other cont NAME
//	other kill NAME         by SIGKILL: its socket stays
//
// Started again under the same name, it is at the same place.
func cmdOther(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: other ssh-agent|gpg-agent|stop|cont|kill NAME")
	}
	r, name := rigOf(ts), args[1]
	switch args[0] {
	case "ssh-agent":
		socket := filepath.Join(r.run, name)
		_ = os.Remove(socket)
		r.startOther(ts, name, socket, "/usr/bin/ssh-agent", "-D", "-a", socket)
	case "gpg-agent":
		home := filepath.Join(r.run, "gnupg")
		ts.Check(os.MkdirAll(home, 0o700))
		ts.Setenv("GNUPGHOME", home)
		r.startOther(ts, name, filepath.Join(home, "S.gpg-agent.ssh"),
			commandPath(ts, "gpg-agent"), "--homedir", home, "--enable-ssh-support", "--disable-scdaemon", "--daemon", "--no-detach")
	case "stop":
		ts.Check(r.others[name].Process.Signal(syscall.SIGSTOP))
	case "cont":
		ts.Check(r.others[name].Process.Signal(syscall.SIGCONT))
	case "kill":
		r.others[name].kill()
	default:
		ts.Fatalf("unknown: other %s", args[0])
	}
}

func (r *rig) startOther(ts *testscript.TestScript, name, socket, program string, args ...string) {
	cmd := exec.Command(program, args...)
	cmd.Dir = r.work
	for _, pair := range environ(ts) {
		if !strings.HasPrefix(pair, "SSH_AUTH_SOCK=") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	p, err := startProcess(cmd)
	ts.Check(err)
	r.onEnd(p.kill)
	if r.others == nil {
		r.others = map[string]*process{}
	}
	r.others[name] = p
	ts.Setenv(name, socket)
	list := func() bool { // exit code 1: no keys
		add := exec.Command("/usr/bin/ssh-add", "-l")
		add.Env = []string{"SSH_AUTH_SOCK=" + socket}
		_ = add.Run()
		return p.ended() || add.ProcessState.ExitCode() < 2
	}
	if !await(list) || p.ended() {
		ts.Fatalf("%s does not serve", program)
	}
}
