package main

import (
	"os"
	"os/user"
)

// here is the machine and the user that an inventory is of.
func here() (machine, name string) {
	machine, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return machine, name
}
