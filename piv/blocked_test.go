//go:build linux && !nopcsc

package piv

import (
	"bytes"
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/keybroker/keybroker/piv/pcsc"
)

// blockedCalls are more than a program has processors, and more than it has cards.
const blockedCalls = 50

// Calls that block in the PC/SC library hold up neither other goroutines nor other calls,
// on a single processor too.
func testBlockedCalls(t *testing.T, r rig) {
	card, free, _ := yubikey(t)
	h := r.insert(t, 0, card)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	blockCalls(t, r.Slot(1).Reader)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // far above what it takes: else it would hang
	defer cancel()
	if err := sign(ctx, h, 0x9E, free); err != nil {
		t.Error("a signature beside them:", err)
	}
	other := make(chan error, 1)
	go func() { other <- resetBy(h.Reader()) }()
	if err := <-other; err != nil {
		t.Error("a connection to the card beside them:", err)
	}
	r.Slot(0).Remove()
	isGone(t, h) // the watcher's own wait goes on too
	if n := inWait(); n != blockedCalls {
		t.Errorf("%d calls are still blocked", n)
	}
}

// blockCalls has calls wait without end for a card in an empty reader, until the test ends.
func blockCalls(t *testing.T, reader string) {
	ended := make(chan error, blockedCalls)
	var contexts []*pcsc.Context
	t.Cleanup(func() {
		for left := len(contexts); left > 0; {
			for _, c := range contexts {
				c.Cancel() // again, because one right before the wait is lost
			}
			select {
			case err := <-ended:
				left--
				if err != pcsc.ErrCancelled {
					t.Error("a blocked call ended:", err)
				}
			case <-time.After(settle):
			}
		}
		for _, c := range contexts {
			c.Release()
		}
	})
	for range blockedCalls {
		c := must1(pcsc.Establish())(t)
		contexts = append(contexts, c)
		go func() { ended <- c.Wait([]pcsc.ReaderState{{Reader: reader, Current: pcsc.StateEmpty}}, -1) }()
	}
	eventually(t, "every call is in the library", func() bool { return inWait() == blockedCalls })
}

// inWait counts the goroutines of blockCalls that are in a call of the library.
func inWait() (n int) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if bytes.Contains(stack, []byte(" [syscall")) && bytes.Contains(stack, []byte("piv.blockCalls.")) {
			n++
		}
	}
	return n
}
