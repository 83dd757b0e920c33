// Package platformtest has what the tests of several packages need of the system: a home
// for programs, an sshd, a process without free descriptors, the goroutines that are left.
package platformtest

import (
	"bytes"
	"runtime"
)

// module is how each function of this project begins in a stack.
const module = "github.com/keybroker/keybroker/"

// Goroutines counts the goroutines that run code of this project. runtime.NumGoroutine
// also counts those that Go's library starts and ends when it likes, such as the one for
// finalizers, so a leak cannot be told from them.
func Goroutines() (n int) {
	for _, stack := range bytes.Split(stacks(), []byte("\n\n")) {
		if bytes.Contains(stack, []byte(module)) {
			n++
		}
	}
	return n
}

// stacks returns the stack of each goroutine, with an empty line between two.
func stacks() []byte {
	for size := 1 << 20; ; size *= 2 {
		if text := make([]byte, size); runtime.Stack(text, true) < size {
			return bytes.TrimRight(text, "\x00")
		}
	}
}
