//go:build linux

package chaos

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/piv/pivtest"
	"github.com/keybroker/keybroker/platform/platformtest"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
	"golang.org/x/crypto/ssh"
)

// The keys, by name.
const (
	sealed = "sealed" // the heartbeat: only the faults of the whole broker may disturb it
	added  = "added"
	onCard = "card"
	asked  = "asked"  // the person is asked each time, and sometimes denies
	denied = "denied" // by a rule
)

const configuration = `[softkeys]
seal = "keychain"
[confirm]
prompt = "askpass"

[[rule]]
name = "never"
key = "denied"
action = "refuse"

[[rule]]
name = "person"
key = "asked"
action = "ask"

[[rule]]
name = "all"
action = "allow"
`

// askpass plays the person, who denies every third question. It writes down that it
// allows before it answers: there can be more such lines than signatures, never fewer.
const askpass = `#!/bin/sh
[ $(($$ % 3)) != 0 ] || exit 1
echo allowed >>ANSWERS
exit 0
`

// world is what the daemon lives in.
type world struct {
	t           testing.TB
	dir         string // short, for a socket's path
	daemon      *daemon
	bus         *softkeystest.Bus
	rig         *pivtest.Rig  // nil: no cards here
	card        *pivtest.Card // nil: no cards here
	disk        *disk         // nil: no disk of its own here
	addedKey    ed25519.PrivateKey
	passingKey  ed25519.PrivateKey // is added and removed again
	keys        map[string]ssh.PublicKey
	happening   string // the faults of this round
	starved     int    // the process whose memory was short in this round: it may have begun to end
	outOfMemory int    // how often the daemon ended for want of memory
}

// newWorld starts a daemon with all kinds of keys. Without root it has neither cards nor
// a disk of its own.
func newWorld(t testing.TB) *world {
	w := &world{t: t, dir: platformtest.Home(t, "kbx"), keys: map[string]ssh.PublicKey{}}
	w.bus = softkeystest.StartBus(t, false)
	w.bus.StartKeyring()
	for _, sub := range []string{"run", "state", "config/keybroker", "home"} {
		if err := os.MkdirAll(filepath.Join(w.dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.write("config/keybroker/config.toml", configuration, 0o600)
	w.write("askpass", strings.ReplaceAll(askpass, "ANSWERS", filepath.Join(w.dir, "answers")), 0o700)
	w.disk = mountDisk(t, filepath.Join(w.dir, "state"))
	w.insertCard()
	w.daemon = &daemon{t: t, program: build(t, w.dir), env: w.environment(), dir: w.dir, output: filepath.Join(w.dir, "output")}
	w.daemon.start()
	t.Cleanup(w.daemon.stop)
	w.generate(sealed)
	w.generate(asked)
	w.generate(denied)
	w.makeAdded()
	return w
}

func (w *world) write(name, text string, mode os.FileMode) {
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
}

// build builds the real program, with the race detector if this test has it.
func build(t testing.TB, dir string) string {
	path := filepath.Join(dir, "keybroker")
	args := []string{"build", "-o", path}
	if raceDetector {
		args = append(args, "-race")
	}
	if *clockMoves {
		args = append(args, clockOverlay(t, dir))
	}
	if out, err := exec.Command("go", append(args, "../cmd/keybroker")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func (w *world) environment() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(w.dir, "home"), "LC_ALL=C.UTF-8", "GORACE=atexit_sleep_ms=0",
		"XDG_RUNTIME_DIR=" + filepath.Join(w.dir, "run"), "XDG_CONFIG_HOME=" + filepath.Join(w.dir, "config"),
		"XDG_DATA_HOME=" + filepath.Join(w.dir, "data"), "XDG_STATE_HOME=" + filepath.Join(w.dir, "state"),
		"DBUS_SESSION_BUS_ADDRESS=" + w.bus.Address, "DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + filepath.Join(w.dir, "no-bus"),
		"KEYBROKER_CHAOS_CLOCK=" + w.clockFile(),
		"SSH_ASKPASS=" + filepath.Join(w.dir, "askpass"), "SSH_ASKPASS_REQUIRE=force",
	}
	socket := filepath.Join(w.dir, "no-pcscd") // never the machine's own cards
	if w.rig != nil {
		socket = w.rig.Socket
	}
	return append(env, "PCSCLITE_CSOCK_NAME="+socket)
}

// insertCard starts a pcscd with a card whose key needs no PIN.
func (w *world) insertCard() {
	if pivtest.Missing() != nil {
		w.t.Logf("without cards: %v", pivtest.Missing())
		return
	}
	w.rig = pivtest.NewRig(w.t)
	card, err := pivtest.New(pivtest.Config{Character: pivtest.YubiKey5()})
	if err == nil {
		_, err = card.Provision(0x9a, pivtest.AlgP256, pivtest.Policy{PIN: pivtest.PINNever})
	}
	if err == nil {
		err = w.rig.Insert(0, card)
	}
	if err == nil {
		w.keys[onCard], err = ssh.NewPublicKey(card.PublicKey(0x9a))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.card = card
}

// run runs keybroker as a command, and returns its output.
func (w *world) run(args ...string) (string, error) {
	cmd := exec.Command(w.daemon.program, args...)
	cmd.Env, cmd.Dir = w.daemon.env, w.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (w *world) generate(name string) {
	w.t.Helper()
	w.awaitControl()
	out, err := w.run("keys", "generate", name)
	if err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "data", "keybroker", "*", name+".pub"))
	if err != nil || len(files) != 1 {
		w.t.Fatalf("the public key %s: %v, %v", name, files, err)
	}
	line, err := os.ReadFile(files[0])
	if err != nil {
		w.t.Fatal(err)
	}
	if w.keys[name], _, _, _, err = ssh.ParseAuthorizedKey(line); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) makeAdded() {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err == nil {
		_, w.passingKey, err = ed25519.GenerateKey(rand.Reader)
	}
	if err == nil {
		w.keys[added], err = ssh.NewPublicKey(private.Public())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.addedKey = private
}

func (w *world) agentSocket() string { return filepath.Join(w.dir, "run", "keybroker", "agent.sock") }

func (w *world) status() (control.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	return control.NewClient(filepath.Join(w.dir, "run", "keybroker", "control.sock")).Status(ctx)
}

func (w *world) awaitControl() {
	w.t.Helper()
	w.await(func() error { _, err := w.status(); return err })
}

// await fails the test, with what the daemon does, if works does not succeed in time.
func (w *world) await(works func() error) {
	w.t.Helper()
	var err error
	for end := time.Now().Add(recoveryTime); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if how, ended := w.daemon.hasEnded(); ended && w.daemon.pid() == w.starved {
			w.outOfMemory++
			w.daemon.start()
		} else if ended {
			w.t.Fatalf("during%s the daemon ended: %s\n%s", w.happening, how, w.daemon.tail())
		}
		if err = works(); err == nil {
			return
		}
	}
	why, _ := w.run("why")
	status, _ := w.run("status")
	w.daemon.signal(syscall.SIGQUIT) // prints what each goroutine does
	w.daemon.wait()
	w.t.Fatalf("after%s: not well again within %v: %v\n%s%s%s", w.happening, recoveryTime, err, why, status, w.daemon.tail())
}

// recover returns when each kind of key signs again and status has no complaint about
// the log.
func (w *world) recover() {
	w.t.Helper()
	w.await(func() error {
		for name := range w.keys {
			if err := w.wantWell(name); err != nil {
				return fmt.Errorf("the key %s: %w", name, err)
			}
		}
		_, err := w.status()
		return err
	})
}

// wantWell signs with the key, and expects of the one that a rule denies that it does not.
func (w *world) wantWell(name string) error {
	_, err := w.sign(name)
	switch {
	case name == denied && err == nil:
		w.t.Fatal("a key that a rule denies has signed")
	case name == denied && isRefusal(err), name == asked && isRefusal(err): // the person may deny
		return nil
	case name == added && isRefusal(err): // it does not outlive a daemon
		return errors.Join(err, w.add())
	}
	return err
}
