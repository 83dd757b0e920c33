// Package secret erases what a computation with a secret leaves in memory.
//
// Go copies values as it likes: into registers, stacks that grow, and the buffers and caches
// of its libraries. Do has the runtime erase all of these, in a build with
// GOEXPERIMENT=runtimesecret on Linux (amd64, arm64). Every other build runs the same code, and
// wipes only the buffers that its own packages wipe.
package secret

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Do runs f. Registers and stack that f has used are erased before Do returns; what f
// allocated is erased when the garbage collector finds that nothing refers to it any more:
// see Sweep. f starts no goroutine that handles a secret.
func Do(f func()) { do(f) }

// Get is Do for a function with a result.
func Get[T any](f func() (T, error)) (value T, err error) {
	do(func() { value, err = f() })
	return value, err
}

// Erases reports whether this build erases what Go itself copies.
func Erases() bool { return erases }

const (
	// sweepDelay gathers what is dropped at about the same time: a program that adds keys
	// without end must not have the memory swept as often.
	sweepDelay = 500 * time.Millisecond
	// sweepRounds: crypto's caches drop a key's second form after the round in which
	// the key was found to be unused; a sync.Pool keeps what it has for two rounds.
	sweepRounds = 3
	// roundDelay is for what the runtime cleans up after a round.
	roundDelay = 20 * time.Millisecond
)

// sweeping is of the whole process, as the garbage collector is.
var sweeping atomic.Bool

// Sweep has secrets erased to which nothing refers any more. It returns at once; they
// are gone a moment later. Call it after a secret was dropped.
func Sweep() {
	if sweeping.CompareAndSwap(false, true) {
		time.AfterFunc(sweepDelay, sweep)
	}
}

func sweep() {
	sweeping.Store(false) // what is dropped from here on needs another sweep
	for range sweepRounds {
		runtime.GC()
		time.Sleep(roundDelay)
	}
	debug.FreeOSMemory()
}
