// Package confine takes rights from this process that it has no use for, so that whoever takes it
// over gains less. What the system does not offer is left out: Status tells what is in force.
package confine

// Program takes from this process, and from the programs that it starts, what no part of keybroker
// does: to gain rights by a program that it starts (no_new_privs), to read or change other
// processes and the kernel (seccomp).
func Program() error { return program() }

// Prompt takes everything from this process that showing one question does not need, once it
// is connected to the display: it can read below the directories and nowhere else (Landlock), and neither connect
// nor start a program nor open a file to write. So it reaches no key file and no agent. The error
// is nil where the system has no such protection, as Status tells; where it has one that did not
// come into force, the process must show nothing.
func Prompt(readable ...string) error { return prompt(readable) }

// Files are what a process may still read and execute: all below the directories, and the files.
type Files struct{ Dirs, Files []string }

// Tray takes from this process, and from the clipboard's program that it starts, what an icon does
// not need: it reads the files alone, writes none (Landlock), and connects to sockets of this
// machine alone, and to the display at that TCP port if it is not 0. It can still start the programs among the files.
// The error is that of Prompt.
func Tray(f Files, display uint16) error { return tray(f, display) }

// Status is what is in force for this process, and what Prompt and Tray can have on this system.
type Status struct {
	NoNewPrivileges bool
	Seccomp         bool
	Landlock        int // the version of its interface; 0: there is none
}

// Now asks the system.
func Now() Status { return now() }
