//go:build linux

package ways

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/problem"
)

// lookPathIn makes a directory of empty programs and links ("a -> b"), and returns a
// LookPath for it.
func lookPathIn(t *testing.T, names ...string) func(string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		var err error
		if from, to, ok := strings.Cut(name, " -> "); ok {
			err = os.Symlink(filepath.Join(dir, to), filepath.Join(dir, from))
		} else {
			err = os.WriteFile(filepath.Join(dir, name), nil, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) (string, error) {
		path := filepath.Join(dir, filepath.Base(name))
		_, err := os.Stat(path)
		return path, err
	}
}

func TestChoose(t *testing.T) {
	tty := confirmtest.NewPTY(t).TTY
	display := filepath.Join(t.TempDir(), "x:0") // a socket's path, as launchd names displays
	listener, err := net.Listen("unix", display)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, test := range []struct {
		name     string
		prompt   string
		env      string // space-separated NAME=value
		tty      *os.File
		programs []string
		want     string // the prompter's name, or part of the error
	}{
		{"best pinentry", "auto", "DISPLAY=:1", tty, []string{"pinentry-gtk-2", "pinentry-qt"}, "pinentry-qt"},
		{"Wayland: not GTK 2", "", "WAYLAND_DISPLAY=w", tty, []string{"pinentry-gtk-2"}, "terminal"},
		{"Wayland: not GTK 2, no terminal", "", "WAYLAND_DISPLAY=w", nil, []string{"pinentry-gtk-2"}, "none"},
		{"Wayland: Qt with its plugin", "", "WAYLAND_DISPLAY=w PLUGIN=1", tty, []string{"pinentry-gtk-2", "zenity", "pinentry-qt"}, "zenity, passphrases: pinentry-qt"},
		{"Wayland: Qt without its plugin", "", "WAYLAND_DISPLAY=w", tty, []string{"pinentry-qt", "zenity"}, "zenity"},
		{"Wayland: with a stale DISPLAY", "", "WAYLAND_DISPLAY=w DISPLAY=:987", tty, []string{"keybroker-desktop", "pinentry-gtk-2", "yad"}, "yad"},
		{"Wayland: with XWayland", "", "WAYLAND_DISPLAY=w DISPLAY=" + display, tty, []string{"keybroker-desktop", "pinentry-qt"}, "window"},
		{"Wayland: no such pinentry", "pinentry", "WAYLAND_DISPLAY=w", tty, []string{"pinentry-gtk-2", "pinentry-qt"}, "no pinentry program that draws on Wayland"},
		{"Wayland: configured pinentry", "auto", "WAYLAND_DISPLAY=w NAMED=pinentry-gtk-2", tty, []string{"pinentry-gtk-2"}, "pinentry-gtk-2"},
		{"link to a safe pinentry", "auto", "DISPLAY=:1", nil, []string{"pinentry-gtk2 -> pinentry-gtk-2", "pinentry-gtk-2"}, "pinentry-gtk-2"},
		{"safe name, but a link to another", "auto", "DISPLAY=:1", tty, []string{"pinentry-qt -> pinentry-gnome3", "pinentry-gnome3"}, "terminal"},
		{"only GNOME's", "auto", "DISPLAY=:1", nil, []string{"pinentry-gnome3"}, "none, passphrases: pinentry-gnome3"},
		{"GNOME's and SSH_ASKPASS", "auto", "DISPLAY=:1 SSH_ASKPASS=/bin/askme", nil, []string{"pinentry-gnome3"}, "askpass askme, passphrases: pinentry-gnome3"},
		{"terminal before SSH_ASKPASS", "auto", "DISPLAY=:1 SSH_ASKPASS=/bin/askme", tty, nil, "terminal"},
		{"SSH_ASKPASS", "auto", "DISPLAY=:1 SSH_ASKPASS=/bin/askme", nil, nil, "askpass askme"},
		{"relative SSH_ASKPASS", "auto", "DISPLAY=:1 SSH_ASKPASS=askme", nil, nil, "none"},
		{"SSH_ASKPASS without a display", "auto", "SSH_ASKPASS=/bin/askme", nil, nil, "none"},
		{"no display", "auto", "", tty, []string{"pinentry-qt"}, "terminal"},
		{"nothing", "auto", "", nil, []string{"pinentry-qt"}, "none"},
		{"pinentry", "pinentry", "", nil, []string{"pinentry-curses"}, "pinentry-curses"},
		{"no pinentry", "pinentry", "DISPLAY=:1", tty, nil, "there is no pinentry program"},
		{"terminal", "terminal", "DISPLAY=:1", tty, []string{"pinentry-qt"}, "terminal"},
		{"no terminal", "terminal", "DISPLAY=:1", nil, []string{"pinentry-qt"}, "the daemon has no terminal"},
		{"askpass", "askpass", "SSH_ASKPASS=/bin/askme", tty, nil, "askpass askme"},
		{"no askpass", "askpass", "", tty, nil, "SSH_ASKPASS is not set"},
		{"relative askpass", "askpass", "SSH_ASKPASS=askme", tty, nil, "not an absolute path"},
		{"none", "none", "DISPLAY=:1", tty, []string{"pinentry-qt"}, "none (what no rule allows is refused)"},
		{"the window", "auto", "DISPLAY=" + display, tty, []string{"keybroker-desktop", "pinentry-qt"}, "window"},
		{"no window program", "auto", "DISPLAY=" + display, tty, []string{"pinentry-qt"}, "pinentry-qt"},
		{"the window, but nothing listens on the display", "auto", "DISPLAY=:987", nil, []string{"keybroker-desktop", "pinentry-qt"}, "pinentry-qt"},
		{"yad before zenity", "auto", "DISPLAY=:1", nil, []string{"zenity", "yad"}, "yad"},
		{"a dialog, and any pinentry for secrets", "auto", "DISPLAY=:1", tty, []string{"zenity", "pinentry-gnome3"}, "zenity, passphrases: pinentry-gnome3"},
		{"a safe pinentry before dialogs", "auto", "DISPLAY=:1", nil, []string{"zenity", "yad", "pinentry-qt"}, "pinentry-qt"},
		{"window", "window", "DISPLAY=:1", nil, []string{"keybroker-desktop"}, "window"},
		{"no window", "window", "DISPLAY=:1", nil, nil, "the window's program is missing"},
		{"tray", "tray", "", nil, nil, "is called \"window\""},
		{"dialog", "dialog", "", nil, []string{"zenity"}, "zenity"},
		{"no dialog", "dialog", "", nil, nil, "neither yad nor zenity"},
		{"nonsense", "pinentri", "", nil, nil, "not known"},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := map[string]string{}
			for entry := range strings.FieldsSeq(test.env) {
				name, value, _ := strings.Cut(entry, "=")
				env[name] = value
			}
			lookPath := lookPathIn(t, test.programs...)
			program, _ := lookPath(windowProgram)
			plugins := []string{filepath.Join(t.TempDir(), "*.so")}
			if env["PLUGIN"] != "" {
				plugins = []string{program[:len(program)-len(windowProgram)] + "*"}
			}
			p, err := Choose(Config{Prompt: test.prompt, Terminal: test.tty, Window: program, Pinentry: env["NAMED"], qtPlugins: plugins,
				Env: func(name string) string { return env[name] }, LookPath: lookPath})
			if err != nil {
				if p != nil || !strings.Contains(err.Error(), test.want) || problem.Remedy(err) == "" {
					t.Errorf("%v, error %v, want %q and what to do", p, err, test.want)
				}
			} else if p.Name() != test.want {
				t.Errorf("%q, want %q", p.Name(), test.want)
			}
		})
	}
}

// Without a way to ask, each refusal says what is missing.
func TestNoWaySaysWhatIsMissing(t *testing.T) {
	for display, want := range map[string]string{
		"": "there is neither a display nor a terminal", "DISPLAY": "no pinentry whose Enter key denies, and neither zenity nor yad",
		"WAYLAND_DISPLAY": "on Wayland without XWayland there is neither yad nor zenity",
	} {
		p, err := Choose(Config{Env: func(name string) string { return map[string]string{display: ":987"}[name] }, LookPath: lookPathIn(t, "pinentry-gtk-2")})
		if display == "DISPLAY" {
			p, err = Choose(Config{Env: func(name string) string { return map[string]string{display: ":987"}[name] }, LookPath: lookPathIn(t)})
		}
		if err != nil {
			t.Fatal(err)
		}
		if a, err := p.Ask(t.Context(), confirmtest.Login(t)); a.Verdict != "" || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v, want %q", display, a.Verdict, err, want)
		}
	}
}

// script makes a shell script and returns its path.
func script(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "prompt")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func plainEnv(name string) string {
	switch name {
	case "PATH":
		return os.Getenv("PATH")
	case "DISPLAY":
		return ":77"
	}
	return ""
}

// pinentryScript says OK to everything except CONFIRM and GETPIN.
const pinentryScript = `echo "OK hello"
while read -r word rest; do case "$word" in
GETINFO) echo "D ${FLAVOR:-qt}"; echo OK;;
CONFIRM|GETPIN) %s;;
BYE) echo OK; exit $STATUS;;
*) echo OK;;
esac; done`

func TestPinentryCornerCases(t *testing.T) {
	for _, test := range []struct {
		name, lines string
		verdict     confirm.Verdict
		reason      string
	}{
		{"ok", fmt.Sprintf(pinentryScript, "echo OK"), confirm.AllowOnce, "allowed"},
		{"an answer, then cancelled", fmt.Sprintf(pinentryScript, "echo OK; echo ERR 83886179 no"), "", "error 83886179"},
		{"an answer, then a failure", "STATUS=7\n" + fmt.Sprintf(pinentryScript, "echo OK"), "", "exit status 7"},
		{"an answer, then killed", fmt.Sprintf(pinentryScript, "echo OK; kill -9 $$"), "", "ended without an answer"},
		{"third button", fmt.Sprintf(pinentryScript, "echo ERR 83886194 no"), confirm.AllowFor, "allowed"},
		{"third button without source bits", fmt.Sprintf(pinentryScript, "echo ERR 114 no"), confirm.AllowFor, "allowed"},
		{"cancelled", fmt.Sprintf(pinentryScript, "echo ERR 83886179 no"), confirm.Deny, "denied by the person"},
		{"its own timeout", fmt.Sprintf(pinentryScript, "echo ERR 83886142 no"), confirm.Deny, "no answer in time"},
		{"closed", fmt.Sprintf(pinentryScript, "echo ERR 83886278 no"), confirm.Deny, "the prompt was closed"},
		{"another error", fmt.Sprintf(pinentryScript, "echo ERR 83886081 no"), "", "error 83886081"},
		{"an exit within the answer", fmt.Sprintf(pinentryScript, "printf O; exit 0"), "", "ended without an answer"},
		{"garbage", fmt.Sprintf(pinentryScript, "echo YES"), "", "not of the protocol"},
		{"huge line", fmt.Sprintf(pinentryScript, "head -c 100000 /dev/zero; echo; echo OK"), "", "too long"},
		{"no greeting", "exit 1", "", "ended without an answer"},
		{"an error as greeting", "echo ERR 1 no; sleep 100", "", "error 1"},
		{"curses under the name", "FLAVOR=qt:curses\n" + fmt.Sprintf(pinentryScript, "echo OK"), "", "its Enter key could allow"},
		{"gnome", "FLAVOR=gnome3\n" + fmt.Sprintf(pinentryScript, "echo OK"), "", "its Enter key could allow"},
		{"no flavor", `echo OK; while read -r x; do case "$x" in CONFIRM) echo OK;; GETINFO*) echo ERR 275 unknown;; *) echo OK;; esac; done`, "", "error 275"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &pinentry{path: script(t, test.lines), env: plainEnv}
			a, err := p.Ask(t.Context(), confirmtest.Login(t))
			confirmtest.Check(t, a, err, test.verdict, test.reason)
		})
	}
	q := confirmtest.Login(t)
	q.Remember = 0
	p := &pinentry{path: script(t, fmt.Sprintf(pinentryScript, "echo ERR 83886194 no")), env: plainEnv}
	a, err := p.Ask(t.Context(), q)
	confirmtest.Check(t, a, err, confirm.Deny, "denied by the person") // not offered
	p = &pinentry{path: "/nowhere/pinentry-qt", env: plainEnv}
	a, err = p.Ask(t.Context(), q)
	confirmtest.Check(t, a, err, "", "no such file")
}

func TestPinentrySecretErrors(t *testing.T) {
	for answer, want := range map[string]error{
		"echo ERR 83886179 x": confirm.ErrClosed, "echo ERR 83886142 x": confirm.ErrNoAnswer, "echo D secret; exit 0": nil,
	} {
		p := &pinentry{path: script(t, fmt.Sprintf(pinentryScript, answer)), env: plainEnv}
		secret, err := p.Secret(t.Context(), confirm.SecretQuestion{Title: "t"})
		if secret != nil || err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %q, %v", answer, secret, err)
		}
	}
}

// The prompt program ignores signals, and its child keeps the pipes open.
func TestContextEndKillsTheGroup(t *testing.T) {
	for name, ask := range map[string]func(context.Context, string) error{
		"pinentry": func(ctx context.Context, path string) error {
			_, err := (&pinentry{path: path, env: plainEnv}).Ask(ctx, confirmtest.Login(t))
			return err
		},
		"askpass": func(ctx context.Context, path string) error {
			_, err := (&askpass{path: path, env: plainEnv}).Ask(ctx, confirmtest.Login(t))
			return err
		},
		"askpass secret": func(ctx context.Context, path string) error {
			_, err := (&askpass{path: path, env: plainEnv}).Secret(ctx, confirm.SecretQuestion{Title: "t"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			pids := filepath.Join(t.TempDir(), "pids")
			path := script(t, "trap '' TERM INT; sleep 1000 & echo $$ $! > "+pids+".new; mv "+pids+".new "+pids+"; wait")
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				for end := time.Now().Add(confirmtest.Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
					if _, err := os.Stat(pids); err == nil {
						break
					}
				}
				cancel()
			}()
			if err := ask(ctx, path); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			list, err := os.ReadFile(pids)
			if err != nil {
				t.Fatal(err)
			}
			for pid := range strings.FieldsSeq(string(list)) {
				waitExited(t, pid)
			}
		})
	}
}

func waitExited(t *testing.T, pid string) {
	t.Helper()
	for end := time.Now().Add(confirmtest.Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") { // a zombie that init has not reaped
			return
		}
	}
	t.Errorf("process %s is still there", pid)
}

func TestChildEnvironment(t *testing.T) {
	secret := map[string]string{"DISPLAY": ":1", "LANG": "de_DE.UTF-8", "SECRET": "x", "LD_PRELOAD": "/x", "QT_PLUGIN_PATH": "/x", "SSH_AUTH_SOCK": "/x"}
	got := strings.Join(childEnv(func(name string) string { return secret[name] }, "MORE=1"), " ")
	if got != "DISPLAY=:1 LANG=de_DE.UTF-8 DBUS_SESSION_BUS_ADDRESS=disabled: MORE=1" {
		t.Error(got)
	}
	secret["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/bus"
	if got := strings.Join(childEnv(func(name string) string { return secret[name] }), " "); got != "DISPLAY=:1 DBUS_SESSION_BUS_ADDRESS=unix:path=/bus LANG=de_DE.UTF-8" {
		t.Error(got)
	}
}

func TestAskpass(t *testing.T) {
	for _, test := range []struct {
		lines   string
		verdict confirm.Verdict
		reason  string
	}{
		{`[ "$SSH_ASKPASS_PROMPT" = confirm ] && case "$1" in *"[verified] github.com"*) exit 0;; esac; exit 7`, confirm.AllowOnce, "allowed"},
		{"echo yes; exit 1", confirm.Deny, "denied by the person"},
		{"echo YES", confirm.AllowOnce, "allowed"},
		{"echo", confirm.AllowOnce, "allowed"},
		{"echo no", confirm.Deny, "what was typed is not yes"},
		{"echo yes please", confirm.Deny, "what was typed is not yes"},
		{"head -c 100000 /dev/zero", "", "too long"},
		{"exit 255", "", "exit status 255"},
		{"kill -9 $$", "", "signal: killed"},
	} {
		a, err := (&askpass{path: script(t, test.lines), env: plainEnv}).Ask(t.Context(), confirmtest.Login(t))
		confirmtest.Check(t, a, err, test.verdict, test.reason)
	}
	a, err := (&askpass{path: "/nowhere/askpass", env: plainEnv}).Ask(t.Context(), confirmtest.Login(t))
	confirmtest.Check(t, a, err, "", "no such file")
}

func TestAskpassSecret(t *testing.T) {
	for _, test := range []struct{ lines, secret, err string }{
		{`[ -z "$SSH_ASKPASS_PROMPT" ] && printf 'pass word\n'`, "pass word", ""},
		{`printf 'a\n\n'`, "a\n", ""},
		{`printf 'a\r\n'`, "a", ""},
		{"printf ''", "", ""},
		{"echo half; exit 1", "", "the prompt was closed"},
		{"echo half; kill -9 $$", "", "signal: killed"},
		{"head -c 100000 /dev/zero", "", "too long"},
	} {
		secret, err := (&askpass{path: script(t, test.lines), env: plainEnv}).Secret(t.Context(), confirm.SecretQuestion{Title: "t", Prompt: "Passphrase:"})
		if string(secret) != test.secret || test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %q, %v", test.lines, secret, err)
		}
	}
}
