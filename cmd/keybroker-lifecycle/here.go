package main

import (
	"os"
	"os/user"
)

// machineName is this machine's name, as plans have it.
func machineName() string {
	name, _ := here()
	return name
}

// here is the machine and the user that an inventory is of.
func here() (machine, name string) {
	machine, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return machine, name
}
