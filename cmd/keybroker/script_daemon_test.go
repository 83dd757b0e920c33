//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/rogpeppe/go-internal/testscript"
)

// daemonProcess is a running broker.
type daemonProcess struct {
	*process
	screen *screen // its terminal; nil: it has none
}

// inherited are the variables of a script that its daemon sees.
var inherited = []string{"GODEBUG",
	"PATH", "HOME", "USER", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME",
	"SSH_ASKPASS", "SSH_AUTH_SOCK", "SOFTHSM2_CONF", "SSH_SK_HELPER", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS",
	"PCSCLITE_CSOCK_NAME", "LC_ALL", "GORACE", "TZ", "GOCOVERDIR",
}

func environ(ts *testscript.TestScript) []string {
	var list []string
	for _, name := range inherited {
		if value := ts.Getenv(name); value != "" {
			list = append(list, name+"="+value)
		}
	}
	return list
}

// cmdDaemon is
//
//	[!] daemon start [flag …]     and wait until it serves; with ! it must end by itself, with a failure
//	daemon tty [flag …]           the same, on a terminal of its own
//	daemon activate [flag …]      by systemd-socket-activate, on the usual sockets
//	daemon stop                   by SIGTERM; it must end with 0
//	daemon end                    the same, after a signal
//	daemon kill                   by SIGKILL
//
// Its standard error is appended to daemon.log. $DAEMON is its process id.
func cmdDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: daemon start|tty|activate|stop|end|kill [flag …]")
	}
	r := rigOf(ts)
	switch args[0] {
	case "start", "tty", "activate":
		if r.daemon != nil {
			ts.Fatalf("a daemon runs already")
		}
		startDaemon(ts, r, neg, args[0], args[1:])
	case "stop":
		ts.Check(r.daemon.Process.Signal(syscall.SIGTERM))
		endDaemon(ts, r)
	case "end":
		endDaemon(ts, r)
	case "kill":
		ts.Check(r.daemon.Process.Kill())
		<-r.daemon.done
		r.daemon = nil
	default:
		ts.Fatalf("unknown: daemon %s", args[0])
	}
}

func startDaemon(ts *testscript.TestScript, r *rig, neg bool, how string, flags []string) {
	program := commandPath(ts, "keybroker")
	cmd := exec.Command(program, append([]string{"daemon"}, flags...)...)
	if how == "activate" {
		sockets := []string{"--listen=" + ts.Getenv("SSH_AUTH_SOCK"), "--listen=" + ts.Getenv("RUN") + "/control.sock", "--fdname=agent:control"}
		for _, pair := range environ(ts) {
			sockets = append(sockets, "--setenv="+pair)
		}
		cmd = exec.Command(commandPath(ts, "systemd-socket-activate"), append(sockets, cmd.Args...)...)
		ts.Check(os.MkdirAll(ts.Getenv("RUN"), 0o700))
	}
	log, err := os.OpenFile(filepath.Join(r.work, "daemon.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = environ(ts), r.work, log, log
	d := &daemonProcess{}
	if how == "tty" {
		d.screen, err = newScreen(cmd)
		ts.Check(err)
		r.onEnd(d.screen.close)
	}
	d.process, err = startProcess(r.inNamespace(cmd))
	ts.Check(err)
	r.daemon = d
	if serves := await(func() bool { return d.ended() || answers(ts) }) && !d.ended(); serves == neg {
		ts.Fatalf("serves: %v; %s\n%s", serves, d.ProcessState, readOr(log.Name()))
	}
	if neg {
		r.daemon = nil
		return
	}
	ts.Setenv("DAEMON", pidOf(ts))
}

// endDaemon waits for its end, which must be in order.
func endDaemon(ts *testscript.TestScript, r *rig) {
	select {
	case <-r.daemon.done:
	case <-after(patience):
		ts.Fatalf("the daemon does not end")
	}
	state := r.daemon.ProcessState
	r.daemon = nil
	if !state.Success() {
		ts.Fatalf("the daemon ended with %s\n%s", state, readOr(filepath.Join(rigOf(ts).work, "daemon.log")))
	}
}

func client(ts *testscript.TestScript) *control.Client {
	return control.NewClient(filepath.Join(ts.Getenv("RUN"), "control.sock"))
}

// answers reports whether the script's own daemon serves.
func answers(ts *testscript.TestScript) bool {
	status, err := client(ts).Status(context.Background())
	d := rigOf(ts).daemon
	return err == nil && (d == nil || d.Process.Pid == status.PID)
}

func commandPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH") + ":/usr/sbin:/sbin") {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	ts.Fatalf("there is no program %s: make deps", name)
	return ""
}

// cmdRules is "rules FILE": the configuration gets these rules. The daemon is
// not told.
func cmdRules(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rules FILE")
	}
	head, rules := header, ts.ReadFile(args[0])
	if strings.HasPrefix(rules, "prompt = ") { // another way to ask
		head = strings.TrimSuffix(head, "prompt = \"askpass\"\n")
	}
	text := strings.ReplaceAll(head, "WORK", ts.Getenv("WORK")) + rules
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("XDG_CONFIG_HOME"), "keybroker", "config.toml"), []byte(text), 0o600))
}

// cmdSignal is "signal NAME": to the daemon.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT}
	if neg || len(args) != 1 || signals[args[0]] == 0 {
		ts.Fatalf("usage: signal HUP|TERM|INT|STOP|CONT")
	}
	ts.Check(rigOf(ts).daemon.Process.Signal(signals[args[0]]))
}
