package ways

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/platform/platformtest"
)

// Another process of the user cannot open the input or output of a prompt program, and
// so cannot answer in its place.
func TestNobodyWritesForAPrompt(t *testing.T) {
	d := newDesktop(t)
	pids := filepath.Join(t.TempDir(), "pid")
	askpassPath := script(t, "echo $$ >"+pids+".new; mv "+pids+".new "+pids+"; sleep 1000")
	for name, p := range map[string]confirm.Prompter{
		"window":         newWindowOn(t, d),
		"pinentry-qt":    &pinentry{path: linkTo(t, "pinentry-qt"), env: d.env},
		"pinentry-gtk-2": &pinentry{path: linkTo(t, "pinentry-gtk-2"), env: d.env},
		"zenity":         &dialog{path: linkTo(t, "zenity"), env: d.env},
		"yad":            &dialog{path: linkTo(t, "yad"), env: d.env},
		"askpass":        &askpass{path: askpassPath, env: plainEnv},
	} {
		for kind, talk := range map[string]func(context.Context) error{
			"question": func(ctx context.Context) error { _, err := p.Ask(ctx, confirmtest.Login(t)); return err },
			"secret": func(ctx context.Context) error {
				_, err := p.Secret(ctx, confirm.SecretQuestion{Title: "keybroker", Prompt: "PIN:"})
				return err
			},
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- talk(ctx) }()
				defer func() { cancel(); <-done }()
				dirs := ""
				if name == "askpass" {
					d.waitUntil(t, "askpass runs", func() bool { text, _ := os.ReadFile(pids); dirs = strings.TrimSpace(string(text)); return dirs != "" })
					os.Remove(pids)
				} else {
					d.focusPrompt(t)
					dirs = processesOf(p)
				}
				if dirs == "" {
					t.Fatal("the prompt has no process")
				}
				for dir := range strings.FieldsSeq(dirs) {
					pid, _ := strconv.Atoi(filepath.Base(dir))
					reach := platformtest.Reach(pid)
					for _, end := range []string{"input", "output"} {
						if err := reach[end]; !errors.Is(err, syscall.ENXIO) && !errors.Is(err, syscall.EACCES) {
							t.Errorf("its %s was opened: %v", end, err)
						}
					}
				}
			})
		}
	}
}

// A dialog program answers only by its exit status, and only if it prints nothing.
func TestDialogOutputIsNoAnswer(t *testing.T) {
	for lines, want := range map[string]struct {
		verdict confirm.Verdict
		reason  string
	}{
		"exit 0":                            {confirm.AllowOnce, "allowed by the person"},
		"exit 1":                            {confirm.Deny, "denied by the person"},
		"echo Allow for 15 minutes; exit 1": {"", "it printed something"},
		"echo Allow for 15 minutes; exit 0": {"", "it printed something"},
		"exit 3":                            {"", "status 3"},
	} {
		path := script(t, lines)
		zenity := filepath.Join(filepath.Dir(path), "zenity")
		if err := os.Rename(path, zenity); err != nil {
			t.Fatal(err)
		}
		a, err := (&dialog{path: zenity, env: plainEnv}).Ask(t.Context(), confirmtest.Login(t))
		confirmtest.Check(t, a, err, want.verdict, want.reason)
	}
}
