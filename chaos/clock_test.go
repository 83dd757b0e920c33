//go:build linux

package chaos

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// clockMoves builds the daemon with a wall clock of its own: a time namespace moves the
// other clocks only, and to set the machine's would move that of everybody. The build takes
// minutes, because all of Go's library is built anew.
var clockMoves = flag.Bool("chaos.clock", false, "the daemon's wall clock is moved, too")

// jumps are how far the clock is moved: into another hour, month and year, and by what a
// time server corrects.
var jumps = []time.Duration{90 * time.Second, 2 * time.Hour, 40 * 24 * time.Hour, 400 * 24 * time.Hour}

// clockOverlay is the argument of go build with which time.Now of the program follows the
// offset in the file of clockFile.
func clockOverlay(t testing.TB, dir string) string {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	const before, after = "sec, nsec, mono := runtimeNow()", "sec, nsec, mono := movedNow()"
	if strings.Count(string(text), before) != 1 {
		t.Fatalf("time.Now of %s is written otherwise than this test expects", runtime.Version())
	}
	moved := filepath.Join(dir, "time.go")
	if err := os.WriteFile(moved, []byte(strings.Replace(string(text), before, after, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		source: moved,
		filepath.Join(filepath.Dir(source), "wall_offset.go"):           filepath.Join(here, "testdata", "time.go.txt"),
		filepath.Join(here, "..", "cmd", "keybroker", "wall_offset.go"): filepath.Join(here, "testdata", "program.go.txt"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	return "-overlay=" + path
}

func (w *world) clockFile() string { return filepath.Join(w.dir, "clock") }

// setClock moves the daemon's wall clock and returns when the daemon has it.
func (w *world) setClock(offset time.Duration) {
	w.t.Helper()
	temporary := w.clockFile() + ".new"
	err := os.WriteFile(temporary, fmt.Appendln(nil, int64(offset/time.Second)), 0o600)
	if err == nil {
		err = os.Rename(temporary, w.clockFile())
	}
	if err != nil {
		w.t.Error(err)
	}
	time.Sleep(100 * time.Millisecond)
}

// moveClock moves the clock on or back, and at the fault's end to where it was.
func moveClock(direction time.Duration) func(*world, *rand.Rand) func() {
	return func(w *world, rng *rand.Rand) func() {
		w.setClock(direction * jumps[rng.IntN(len(jumps))])
		return func() { w.setClock(0) }
	}
}

// TestMovedClock looks at what ends by the clock: a clock that is set on ends it, and one
// that is set back neither makes it longer nor brings it back.
func TestMovedClock(t *testing.T) {
	if !*clockMoves {
		t.Skip("the daemon has no clock of its own without -chaos.clock")
	}
	w := newWorld(t)
	w.recover()
	public, err := ssh.NewPublicKey(w.passingKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	add := func(seconds uint32) {
		err := w.with(func(a agent.ExtendedAgent) error {
			return a.Add(agent.AddedKey{PrivateKey: w.passingKey, Comment: passing, LifetimeSecs: seconds})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	signs := func(what string, want bool) {
		t.Helper()
		_, err := w.signWith(passing, public)
		if got := err == nil; got != want || !want && !isRefusal(err) {
			t.Errorf("%s: the key signs: %v, want %v (%v)", what, got, want, err)
		}
	}
	add(3600)
	signs("a new key", true)
	w.setClock(-2 * time.Hour)
	signs("the clock was set back", true)
	w.setClock(30 * time.Minute)
	signs("the clock was set on by less than the lifetime", true)
	w.setClock(2 * time.Hour)
	signs("the clock was set on by more than the lifetime", false)
	w.setClock(-2 * time.Hour)
	signs("the clock was set back after the end", false)

	w.setClock(0)
	add(2)
	w.setClock(-2 * time.Hour)
	w.await(func() error {
		if _, err := w.signWith(passing, public); !isRefusal(err) {
			return fmt.Errorf("a key of two seconds still signs: %v", err)
		}
		return nil
	})

	for _, offset := range append(jumps, -jumps[2], 0, -jumps[3]) {
		w.setClock(offset)
		w.recover()
		if out, err := w.run("log", "verify"); err != nil {
			t.Errorf("the clock is %v off: log verify: %v: %s", offset, err, out)
		}
		w.daemon.stop()
		w.daemon.start() // reads the log that it wrote at other times
		w.recover()
	}
}
