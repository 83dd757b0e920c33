package main

import "github.com/keybroker/keybroker/platform"

// harden protects the memory of this process. Every command that makes or reads a
// secret calls it first. It fails if another program traces this one. Protections that
// the system does not offer are skipped; only the daemon reports them.
func harden() error {
	_, err := platform.Harden()
	return err
}
