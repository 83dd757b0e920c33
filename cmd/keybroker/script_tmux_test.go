//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// codeOnScreen is how keybroker approve shows its code.
var codeOnScreen = regexp.MustCompile(`Code +(\d\d\d) (\d\d\d)`)

// cmdTmux is
//
//	tmux start           a tmux with a shell in the window "main"
//	tmux window NAME     one more
//	tmux type NAME TEXT  a person types in it
//	tmux code NAME       waits for the code that is shown there: $CODE is the last one
//	tmux clear NAME      nothing is on it any more
//	tmux save NAME FILE  what was shown there goes to the file
//	tmux kill NAME       the window is closed
//	tmux attach          a client of tmux on a terminal of its own shows it
//	tmux detach          that goes away; the windows stay
//
// See also: await -pane=NAME PATTERN.
func cmdTmux(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || args[0] != "start" && args[0] != "attach" && args[0] != "detach" && len(args) < 2 {
		ts.Fatalf("usage: tmux start|window|type|code|clear|save|kill|attach|detach [NAME [TEXT]]")
	}
	r := rigOf(ts)
	switch args[0] {
	case "start":
		startTmux(ts, r)
	case "window":
		r.tmux(ts, "new-window", "-d", "-n", args[1], "sh")
	case "type":
		text, err := strconv.Unquote(`"` + args[2] + `"`)
		ts.Check(err)
		keys := []string{"send-keys", "-t", args[1], "-H"}
		for _, b := range []byte(strings.ReplaceAll(text, "\n", "\r")) {
			keys = append(keys, fmt.Sprintf("%02x", b))
		}
		r.tmux(ts, keys...)
	case "code":
		ts.Setenv("CODE", codeIn(ts, args[1]))
	case "clear":
		r.tmux(ts, "send-keys", "-R", "-t", args[1])
		r.tmux(ts, "clear-history", "-t", args[1])
	case "save":
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(r.pane(ts, args[1])), 0o600))
	case "kill":
		r.tmux(ts, "kill-window", "-t", args[1])
	case "attach":
		attachTmux(ts, r)
	case "detach":
		r.tmux(ts, "detach-client", "-s", "main")
	default:
		ts.Fatalf("unknown: tmux %s", args[0])
	}
}

// startTmux keeps the server on a socket of the script's own. It ends with its
// last window, or with the script.
func startTmux(ts *testscript.TestScript, r *rig) {
	cmd := r.tmuxCommand(ts, "new-session", "-d", "-s", "main", "-n", "main", "-x", "150", "-y", "60", "sh")
	cmd.Env = append(environ(ts), "TERM=screen", "PS1=$ ", "RUN="+ts.Getenv("RUN"))
	cmd = r.inNamespace(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		ts.Fatalf("tmux: %v\n%s", err, out)
	}
	r.onEnd(func() { _ = r.tmuxCommand(ts, "kill-server").Run() })
}

func (r *rig) tmuxCommand(ts *testscript.TestScript, args ...string) *exec.Cmd {
	cmd := exec.Command(commandPath(ts, "tmux"), append([]string{"-S", filepath.Join(r.run, "tmux"), "-f", "/dev/null"}, args...)...)
	cmd.Dir = r.work
	return cmd
}

func (r *rig) tmux(ts *testscript.TestScript, args ...string) string {
	out, err := r.tmuxCommand(ts, args...).CombinedOutput()
	if err != nil {
		ts.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// pane is all that was shown in the window, with the lines that it broke joined.
func (r *rig) pane(ts *testscript.TestScript, name string) string {
	return strings.TrimRight(r.tmux(ts, "capture-pane", "-p", "-J", "-S", "-", "-t", name), "\n")
}

func codeIn(ts *testscript.TestScript, name string) (code string) {
	before := ts.Getenv("CODE")
	if !await(func() bool {
		all := codeOnScreen.FindAllStringSubmatch(rigOf(ts).pane(ts, name), -1)
		if len(all) > 0 {
			code = all[len(all)-1][1] + all[len(all)-1][2]
		}
		return code != "" && code != before
	}) {
		ts.Fatalf("no code in:\n%s", rigOf(ts).pane(ts, name))
	}
	return code
}

func attachTmux(ts *testscript.TestScript, r *rig) {
	cmd := r.tmuxCommand(ts, "attach-session", "-t", "main")
	cmd.Env = append(environ(ts), "TERM=xterm")
	screen, err := newScreen(cmd)
	ts.Check(err)
	cmd.Stdout, cmd.Stderr = screen.tty, screen.tty
	client, err := startProcess(cmd)
	ts.Check(err)
	r.onEnd(func() { client.kill(); screen.close() })
	if !await(func() bool { return strings.Contains(r.tmux(ts, "list-clients", "-t", "main"), "main") }) {
		ts.Fatalf("nobody is attached")
	}
}

// cmdOwnTerminals is "ownterminals": what starts from now on has pseudo-terminals
// of its own in /dev/pts, so that what is announced there reaches no other test.
// Needs [mount].
func cmdOwnTerminals(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: ownterminals")
	}
	r := rigOf(ts)
	ready := filepath.Join(r.run, "terminals")
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c",
		`mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx &&
		echo >`+ready+` && exec sleep infinity`)
	cmd.Stderr = os.Stderr
	holder, err := startProcess(cmd)
	ts.Check(err)
	r.onEnd(holder.kill)
	if !await(func() bool { _, err := os.Stat(ready); return err == nil || holder.ended() }) || holder.ended() {
		ts.Fatalf("no terminals of their own: %v", holder.ProcessState)
	}
	r.namespace = holder.Process.Pid
}

// inNamespace starts cmd among the script's own terminals, if it has some. The
// process stays the same.
func (r *rig) inNamespace(cmd *exec.Cmd) *exec.Cmd {
	if r.namespace == 0 {
		return cmd
	}
	into := mountsOf(r.namespace, cmd.Dir)
	inside := exec.Command("nsenter", append(into, cmd.Args...)...)
	inside.Args[1+len(into)] = cmd.Path
	inside.Env, inside.Dir, inside.Stdin, inside.Stdout, inside.Stderr, inside.SysProcAttr = cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr
	return inside
}

// mountsOf are nsenter's arguments before a command that sees what the process sees of
// the file system: its mounts and its root, which in a chroot is not theirs.
func mountsOf(pid int, dir string) []string {
	process := "/proc/" + strconv.Itoa(pid)
	return []string{"--mount=" + process + "/ns/mnt", "--root=" + process + "/root", "--wd=" + dir, "--"}
}

// cmdApprover is "approver SIGNAL": to the program that holds the paired terminal.
func cmdApprover(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"KILL": syscall.SIGKILL, "INT": syscall.SIGINT, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT}
	if neg || len(args) != 1 || signals[args[0]] == 0 {
		ts.Fatalf("usage: approver KILL|INT|STOP|CONT")
	}
	status, err := client(ts).Status(context.Background())
	ts.Check(err)
	if status.Approve == nil {
		ts.Fatalf("no terminal is paired")
	}
	ts.Check(syscall.Kill(status.Approve.PID, signals[args[0]]))
}
