//go:build linux

package ways

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/desktop/waylandtest"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// TestScreenshots writes pictures of the prompts for people to look at, when
// `make screenshots` names a directory.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("KEYBROKER_SCREENSHOTS")
	if dir == "" {
		t.Skip("make screenshots")
	}
	claimed := confirmtest.Login(t)
	claimed.Use.Destination.Trust, claimed.Use.Destination.Claimed = "claimed", "github.com"
	claimed.History, claimed.Remember = "first time with this key", 0
	fresh := confirmtest.Login(t)
	fresh.Use.Destination.Trust, fresh.Use.Destination.Host.Names = "new", nil
	usual := confirmtest.Login(t)
	usual.Use.Peer.Directory, usual.History = "/home/anna/src/keybroker", "last used here 3 days ago"
	usual.Use.Peer.Parents[0].Args = []string{"git", "fetch"}
	burst := confirmtest.Login(t)
	burst.Use.Purpose.Kind, burst.Use.Purpose.Namespace = "sshsig", "git"
	burst.Use.Peer.Directory, burst.Use.Key.Source = "/home/anna/src/keybroker", "added"
	burst.Burst, burst.Remember = &confirm.Burst{Command: "git rebase", PID: 4711, Count: 100, For: 10 * time.Minute}, 15*time.Minute
	hosts := confirmtest.Login(t)
	hosts.Burst = thirtyHosts()
	elsewhere := confirmtest.Login(t)
	elsewhere.Use.Peer.Executable = "/tmp/.cache/tools/usr/bin/ssh"
	elsewhere.Use.Peer.Parents[1].Executable = "/home/anna/.local/bin/zsh"
	forwarded := confirmtest.Login(t)
	forwarded.Use.Destination.Forwarded, forwarded.Remember = true, 0
	forwarded.Use.Destination.Hops = []keys.Host{{Fingerprint: "SHA256:VZUzXK3wqf5fGVmtDHHAbPrRkzUEbqN1vF5sQ0a0F0I", Names: []string{"jump.example.com"}}}
	mistaken := confirmtest.Login(t)
	mistaken.Use.Destination.Typed, mistaken.Use.Destination.OtherName = "prod-db-01", true
	queued := confirmtest.Login(t)
	queued.Use.Purpose, queued.Use.Peer.Directory, queued.Pending = wire.Purpose{Kind: wire.KindSSHSig, Namespace: "git"}, "/home/anna/src/keybroker", 4
	for _, q := range []confirm.Question{usual, claimed, fresh, forwarded, mistaken, queued} {
		q.Use.Key.Source = "softkeys"
	}
	card := confirmtest.Login(t)
	card.Use.Key.Name, card.Use.Key.Comment, card.Use.Key.Source = "yubikey-12345678-9a", "", "cards"
	pin := func(p confirm.Prompter, ctx context.Context) {
		confirm.NewQueue(p, confirm.QueueConfig{}).Secret(ctx, confirm.SecretQuestion{Title: "PIN of YubiKey 12345678", Text: "2 tries are left.", Prompt: "PIN:",
			Error: "That was not the PIN.", Use: card.Use, Facts: true, Why: "no rule matches"})
	}
	findProgram(t, "import")
	for _, picture := range []struct {
		name string
		env  map[string]string
		show func(p confirm.Prompter, ctx context.Context)
	}{
		{"prompt-window", nil, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, usual) }},
		{"prompt-claimed", nil, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, claimed) }},
		{"prompt-elsewhere", nil, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, elsewhere) }},
		{"prompt-new", nil, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, fresh) }},
		{"prompt-hostile", nil, func(p confirm.Prompter, ctx context.Context) {
			p.Ask(ctx, confirmtest.Hostile(t, confirmtest.HostileText))
		}},
		{"prompt-burst", nil, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, burst) }},
		{"prompt-hosts", nil, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, hosts) }},
		{"prompt-pin", nil, pin},
		{"prompt-touch", nil, func(p confirm.Prompter, ctx context.Context) {
			confirm.NewQueue(p, confirm.QueueConfig{}).Notify(ctx, confirm.Notice{Title: "Touch YubiKey 12345678", Text: "It blinks.", Use: card.Use, Why: "rule \"work\""})
		}},
		{"prompt-hidpi", map[string]string{"GDK_SCALE": "1.5"}, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, usual) }},
		{"prompt-dark", map[string]string{"GTK_THEME": "Adwaita:dark"}, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, usual) }},
		{"prompt-dark-pin", map[string]string{"GTK_THEME": "Adwaita:dark"}, pin},
		{"prompt-forwarded", nil, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, forwarded) }},
		{"prompt-other-name", nil, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, mistaken) }},
		{"prompt-queue", nil, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, queued) }},
		{"prompt-800x600", map[string]string{"SIZE": "800x600x24"}, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, usual) }},
		{"prompt-800x600-200", map[string]string{"SIZE": "800x600x24", "GDK_SCALE": "2"}, func(p confirm.Prompter, ctx context.Context) { p.Ask(ctx, usual) }},
	} {
		t.Run(picture.name, func(t *testing.T) {
			d := newDesktopOf(t, cmp.Or(picture.env["SIZE"], "1000x700x24"))
			d.startWindowManager(t, "off")
			w := newWindowOn(t, d)
			w.env = func(name string) string {
				if value := picture.env[name]; value != "" {
					return value
				}
				return d.env(name)
			}
			go picture.show(w, withinAMinute(t))
			d.screenshot(t, filepath.Join(dir, picture.name+".png"))
		})
	}
	for name, p := range map[string]func(d *desktop) confirm.Prompter{
		"prompt-zenity": func(d *desktop) confirm.Prompter { return &dialog{path: findProgram(t, "zenity"), env: d.env} },
		"prompt-yad":    func(d *desktop) confirm.Prompter { return &dialog{path: findProgram(t, "yad"), env: d.env} },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesktop(t)
			d.startWindowManager(t, "off")
			go p(d).Ask(withinAMinute(t), usual)
			d.screenshot(t, filepath.Join(dir, name+".png"))
		})
	}
	t.Run("prompt-wayland", func(t *testing.T) {
		s := waylandtest.Start(t, true)
		go newWindowIn(t, s.Env).Ask(withinAMinute(t), usual)
		waitArmedOnWayland(t, s)
		s.Screenshot(t, filepath.Join(dir, "prompt-wayland.png"))
	})
}

// withinAMinute is a context for a question that is shown for a minute.
func withinAMinute(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// screenshot writes a picture of the prompt with its frame once its buttons are armed.
func (d *desktop) screenshot(t *testing.T, path string) {
	t.Helper()
	id := d.waitShown(t)
	if id == "" {
		t.FailNow() // import would wait for a click
	}
	time.Sleep(1500 * time.Millisecond) // a picture only: nothing is asserted
	if out, err := d.program("import", "-window", id, "-frame", "-strip", "+dither", "-colors", "48", "-define", "png:compression-filter=0", "-quality", "90", "png8:"+path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
