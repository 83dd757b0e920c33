package main

import "github.com/keybroker/keybroker/platform"

// harden keeps the memory of this process to itself. Every command that makes or
// reads a secret calls it before that; what it cannot have it does without (the
// daemon alone says so). It fails where another program traces this one.
func harden() error {
	_, err := platform.Harden()
	return err
}
