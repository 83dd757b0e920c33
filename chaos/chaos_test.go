//go:build linux

package chaos

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/platform/apart"
)

var (
	howLong = flag.Duration("chaos.time", 6*time.Second, "how long faults are injected")
	seed    = flag.Uint64("chaos.seed", 0, "the seed of an earlier run (default: a new one)")
	only    = flag.String("chaos.only", "", "only faults whose name contains this")
)

const (
	// Faults of a round happen at the same time.
	maxTogether = 3
	// A fault lasts long enough that requests meet it, and not so long that they
	// run into their own limits.
	minHold, maxHold = 300 * time.Millisecond, 1500 * time.Millisecond
	// recoveryTime is when a broker that does not work again counts as broken. It is
	// generous: the machine may be busy.
	recoveryTime = 60 * time.Second
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(clientMode); mode != "" {
		misbehave(mode)
	}
	keepMounts()
	os.Exit(apart.Run(m.Run))
}

// TestChaos injects faults and looks after each round whether everything works again,
// and at the end whether anything was lost.
func TestChaos(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("go test ./chaos -count=1 -v -chaos.time %v -chaos.seed %d", *howLong, *seed)
	rng := rand.New(rand.NewPCG(*seed, 0))
	w := newWorld(t)
	w.recover()
	before := w.daemon.measure()
	load := startLoad(w)
	possible := w.faults()
	if len(possible) == 0 {
		t.Fatalf("there is no fault %q", *only)
	}
	tally := map[string][]time.Duration{}
	defer func() { // also of a run that failed
		t.Log(table(tally) + load.ledger.summary())
		if w.outOfMemory > 0 {
			t.Logf("the daemon ended %d times for want of memory", w.outOfMemory)
		}
	}()
	for end := time.Now().Add(*howLong); time.Now().Before(end) && !t.Failed(); {
		faults := choose(rng, possible)
		took := w.round(rng, load, faults)
		for _, f := range faults {
			tally[f.name] = append(tally[f.name], took)
		}
	}
	load.stop()
	w.recover()
	w.daemon.wantNoLeak(before)
	load.ledger.check(w)
}

// choose takes one to three faults, in the order of the table: what must begin first
// stands first there, and ends last.
func choose(rng *rand.Rand, possible []fault) []fault {
	n := 1 + rng.IntN(min(maxTogether, len(possible)))
	at := rng.Perm(len(possible))[:n]
	slices.Sort(at)
	var chosen []fault
	for _, i := range at {
		chosen = append(chosen, possible[i])
	}
	return chosen
}

// round injects the faults, ends them, and returns how long it took until everything
// worked again.
func (w *world) round(rng *rand.Rand, load *load, faults []fault) time.Duration {
	harmless, names := true, ""
	for _, f := range faults {
		harmless, names = harmless && f.harmless, names+" "+f.name
	}
	w.happening, w.starved = names, 0
	failures := load.ledger.failedHeartbeats()
	var ends []func()
	for _, f := range faults {
		ends = append(ends, f.begin(w, rng))
	}
	time.Sleep(minHold + time.Duration(rng.Int64N(int64(maxHold-minHold))))
	for _, end := range slices.Backward(ends) {
		end()
	}
	begin := time.Now()
	w.recover()
	took := time.Since(begin)
	if now := load.ledger.failedHeartbeats(); harmless && now != failures {
		status, err := w.status()
		w.t.Errorf("during%s others were not served: %d signatures with the sealed key failed: %v; so far %d connections were turned away (%v)", names, now-failures, load.ledger.lastFailure(), status.TurnedAway, err)
	}
	return took
}

func table(tally map[string][]time.Duration) string {
	var b strings.Builder
	all, names := 0, make([]string, 0, len(tally))
	for name, took := range tally {
		slices.Sort(took)
		names = append(names, name)
		all += len(took)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(a, b) })
	fmt.Fprintf(&b, "\n%-18s %5s   works again after: median, longest\n", "fault", "times")
	for _, name := range names {
		took := tally[name]
		fmt.Fprintf(&b, "%-18s %5d   %6.2f s %6.2f s\n", name, len(took), took[len(took)/2].Seconds(), took[len(took)-1].Seconds())
	}
	fmt.Fprintf(&b, "%-18s %5d\n", "all", all)
	return b.String()
}
