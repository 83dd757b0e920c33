//go:build linux

package ways

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/desktop/desktoptest"
	"github.com/keybroker/keybroker/platform/platformtest"
)

// findProgram finds a program that the test needs.
func findProgram(t testing.TB, name string) string {
	t.Helper()
	return desktoptest.Program(t, name)
}

// linkTo links a program under a path that only this test has, by which processesOf
// finds its processes.
func linkTo(t testing.TB, name string) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(findProgram(t, name), link); err != nil {
		t.Fatal(err)
	}
	return link
}

// desktop is a virtual X11 screen without a window manager.
type desktop struct {
	display string
	home    string
	server  *os.Process
}

func newDesktop(t *testing.T) *desktop {
	t.Helper()
	return newDesktopOf(t, "1000x700x24")
}

// newDesktopOf makes a desktop of size "WIDTHxHEIGHTxDEPTH".
func newDesktopOf(t *testing.T, size string) *desktop {
	t.Helper()
	findProgram(t, "xdotool")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	x := exec.Command(findProgram(t, "Xvfb"), "-displayfd", "3", "-screen", "0", size, "-nolisten", "tcp", "-noreset")
	x.ExtraFiles = []*os.File{w}
	startUntilTestEnds(t, x)
	w.Close()
	number, err := bufio.NewReader(r).ReadString('\n')
	r.Close()
	if err != nil {
		t.Fatal("Xvfb did not start: ", err)
	}
	home := t.TempDir()
	if err := os.Chmod(home, 0o700); err != nil { // else Qt takes /tmp/runtime-USER as XDG_RUNTIME_DIR, and leaves it there
		t.Fatal(err)
	}
	return &desktop{display: ":" + strings.TrimSpace(number), home: home, server: x.Process}
}

func startUntilTestEnds(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	ended, err := platformtest.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // so that it removes its socket and lock
		<-ended
	})
}

func (d *desktop) env(name string) string {
	switch name {
	case "DISPLAY":
		return d.display
	case "HOME", "XDG_RUNTIME_DIR":
		return d.home
	case "PATH":
		return os.Getenv("PATH")
	case "LC_ALL":
		return "C.UTF-8"
	}
	return ""
}

// xdotool runs xdotool.
func (d *desktop) xdotool(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command("xdotool", args...)
	cmd.Env = []string{"DISPLAY=" + d.display}
	out, err := cmd.CombinedOutput()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Errorf("xdotool %v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// focusPrompt waits for the prompt's window, gives it the keyboard and returns its ID.
func (d *desktop) focusPrompt(t testing.TB) string {
	t.Helper()
	for end := time.Now().Add(confirmtest.Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		id := d.shown(t)
		if id == "" {
			continue
		}
		d.xdotool(t, "windowfocus", id)
		if d.xdotool(t, "getwindowfocus") == id {
			time.Sleep(150 * time.Millisecond) // until the toolkit handles the focus event
			return id
		}
	}
	t.Error("the prompt's window did not appear")
	return ""
}

// ask starts a question, acts on its window and returns the answer.
func (d *desktop) ask(t *testing.T, p confirm.Prompter, q confirm.Question, act func(cancel func(), window string)) (confirm.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*confirmtest.Patience)
	defer cancel()
	type result struct {
		answer confirm.Answer
		err    error
	}
	done := make(chan result, 1)
	go func() {
		a, err := p.Ask(ctx, q)
		done <- result{a, err}
	}()
	act(cancel, d.focusPrompt(t))
	r := <-done
	d.wantNoProcess(t, p)
	return r.answer, r.err
}

// wantNoProcess fails when a process of the prompter still runs.
func (d *desktop) wantNoProcess(t testing.TB, p confirm.Prompter) {
	t.Helper()
	if left := processesOf(p); left != "" {
		t.Errorf("processes still run: %s", left)
	}
}

// processesOf lists the processes that p has started, by their path, which only this
// test has: they hide everything else from other programs.
func processesOf(p confirm.Prompter) string {
	var path string
	switch p := p.(type) {
	case *window:
		path = p.path
	case *pinentry:
		path = p.path
	case *dialog:
		path = p.path
	}
	var found []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		line, _ := os.ReadFile(dir + "/cmdline")
		if path != "" && strings.HasPrefix(string(line), path+"\x00") {
			found = append(found, dir)
		}
	}
	return strings.Join(found, " ")
}

func TestPinentryOnDesktop(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pinentry-qt", "pinentry-gtk-2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each has its own screen
			d := newDesktop(t)
			p := &pinentry{path: linkTo(t, name), env: d.env}
			testAnswers(t, d, p)
			t.Run("no longer grant", func(t *testing.T) { testTwoButtons(t, d, p) })
			t.Run("hosts", func(t *testing.T) { testHostsButton(t, d, p) })
			t.Run("no answer", func(t *testing.T) { testTimeout(t, d, p) })
			t.Run("secret", func(t *testing.T) { testSecret(t, d, p) })
		})
	}
}

func testAnswers(t *testing.T, d *desktop, p *pinentry) {
	key := func(keys ...string) func(func(), string) {
		return func(func(), string) { d.xdotool(t, append([]string{"key"}, keys...)...) }
	}
	for _, test := range []struct {
		name    string
		act     func(cancel func(), window string)
		verdict confirm.Verdict
		reason  string // or the error
	}{
		// These show that the window has the keyboard, so that the refusals below
		// are real refusals and not lost keys.
		{"Alt+A allows once", key("alt+a"), confirm.AllowOnce, "allowed by the person"},
		{"Alt+F allows for a while", key("alt+f"), confirm.AllowFor, "allowed by the person"},
		{"Enter", key("Return"), confirm.Deny, "denied by the person"},
		{"Space", key("space"), confirm.Deny, "denied by the person"},
		{"Escape", key("Escape"), confirm.Deny, "denied by the person"},
		{"Alt+D", key("alt+d"), confirm.Deny, "denied by the person"},
		{"window closed", func(_ func(), w string) { d.closeWindow(t, w) }, confirm.Deny, "denied by the person"},
		{"window killed", func(_ func(), w string) { d.xdotool(t, "windowkill", w) }, "", "ended without an answer"},
		{"program killed", func(func(), string) { d.kill(t, p) }, "", "ended without an answer"},
		{"asker gone", func(cancel func(), _ string) { cancel() }, "", context.Canceled.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, err := d.ask(t, p, confirmtest.Login(t), test.act)
			confirmtest.Check(t, a, err, test.verdict, test.reason)
		})
	}
}

// kill kills the processes of the prompter.
func (d *desktop) kill(t *testing.T, p confirm.Prompter) {
	t.Helper()
	killAll(processesOf(p))
}

// killAll kills processes, each given by its directory in /proc.
func killAll(dirs string) {
	for dir := range strings.FieldsSeq(dirs) {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func testTimeout(t *testing.T, d *desktop, p *pinentry) {
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	a, err := p.Ask(ctx, confirmtest.Login(t))
	confirmtest.Check(t, a, err, "", context.DeadlineExceeded.Error())
	d.wantNoProcess(t, p)
}

func testTwoButtons(t *testing.T, d *desktop, p *pinentry) {
	q := confirmtest.Login(t)
	q.Remember = 0
	a, err := d.ask(t, p, q, func(func(), string) { d.xdotool(t, "key", "Return") })
	confirmtest.Check(t, a, err, confirm.Deny, "denied by the person")
	a, err = d.ask(t, p, q, func(func(), string) { d.xdotool(t, "key", "alt+a") })
	confirmtest.Check(t, a, err, confirm.AllowOnce, "allowed by the person")
}

// The third button allows the hosts that are listed: it stands where the longer grant does,
// which Alt+F no longer gives.
func testHostsButton(t *testing.T, d *desktop, p *pinentry) {
	q := confirmtest.Login(t)
	q.Burst = thirtyHosts()
	q.Burst.Hosts = q.Burst.Hosts[:5] // more would not fit: a pinentry takes a thousand bytes
	a, err := d.ask(t, p, q, func(func(), string) { d.xdotool(t, "key", "alt+f", "alt+h") })
	confirmtest.Check(t, a, err, confirm.AllowBurst, "allowed by the person")
}

func testSecret(t *testing.T, d *desktop, p *pinentry) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*confirmtest.Patience)
	defer cancel()
	go func() {
		d.focusPrompt(t)
		d.xdotool(t, "type", "--delay", "20", "50%+x")
		d.xdotool(t, "key", "Return")
	}()
	secret, err := p.Secret(ctx, confirm.SecretQuestion{Title: "keybroker", Text: "Unlock your keys", Prompt: "Passphrase:", Error: "wrong passphrase"})
	if string(secret) != "50%+x" || err != nil {
		t.Errorf("secret %q, %v", secret, err)
	}
}
