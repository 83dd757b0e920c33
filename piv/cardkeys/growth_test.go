//go:build linux && !nopcsc

package cardkeys_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/piv/pivtest"
	"github.com/keybroker/keybroker/platform/platformtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Cards that come and go again and again leave no goroutine and no open file
// behind. `go run ./bench/cards -only insertions` has a thousand of them.
func TestNothingGrowsWithInsertions(t *testing.T) {
	rig := pivtest.NewRig(t)
	source, err := cardkeys.New(cardkeys.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	})
	var cards []*pivtest.Card
	for range rig.Slots() {
		card := pivtest.NewCard(t, pivtest.YubiKey5())
		if _, err := card.Provision(0x9a, pivtest.AlgP256, pivtest.Policy{}); err != nil {
			t.Fatal(err)
		}
		cards = append(cards, card)
	}
	eventually(t, "the readers are known", func() bool {
		state, _ := source.State()
		return len(state.Readers) == rig.Slots()
	})
	goroutines, files := platformtest.Goroutines(), openFiles(t)
	for range 10 {
		allIn(t, rig, cards)
		eventually(t, "all cards are in", func() bool { return in(source) == len(cards) })
		allOut(t, rig)
		eventually(t, "all cards are out", func() bool { return in(source) == 0 })
	}
	eventually(t, fmt.Sprintf("no more than %d goroutines and %d files", goroutines, files), func() bool {
		return platformtest.Goroutines() <= goroutines && openFiles(t) <= files
	})
	if _, known := source.State(); len(known) != len(cards) {
		t.Errorf("%d cards are remembered, of %d", len(known), len(cards))
	}
}

func allIn(t *testing.T, rig *pivtest.Rig, cards []*pivtest.Card) {
	t.Helper()
	done := make(chan error, len(cards))
	for i, card := range cards {
		go func() { done <- rig.Insert(i, card) }()
	}
	for range cards {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

func allOut(t *testing.T, rig *pivtest.Rig) {
	t.Helper()
	for i := range rig.Slots() {
		rig.Slot(i).Remove()
	}
	for i := range rig.Slots() {
		if err := rig.Remove(i); err != nil { // waits for pcscd
			t.Fatal(err)
		}
	}
}

// in counts the keys of cards that are in.
func in(source *cardkeys.Source) (n int) {
	for _, info := range source.List() {
		if info.State == "" {
			n++
		}
	}
	return n
}

func openFiles(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}
