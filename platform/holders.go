package platform

import "net"

// Limits on what is looked through to name the programs at a socket.
const (
	maxProcesses   = 32768   // what a busy desktop has is a thousand
	maxDiagnostics = 8 << 20 // bytes of the kernel's table of Unix sockets: some 40,000 rows
)

// Mine are the processes of this user that the system shows, by pid. Fields that may not
// be read are empty; each Name is there.
func Mine() []Process { return mine() }

// Holders are the processes that seem to serve the socket or pipe at path, to which conn is
// connected. sure is false if that is only likely: an agent that hides its open files is
// known by its name alone. The result is advice for a person: a program can hand
// a socket on.
func Holders(conn net.Conn, path string) (list []Process, sure bool) { return holders(conn, path) }

// Clients are the processes of this user that are connected to the Unix socket at path. others
// counts the connections of processes that cannot be seen.
func Clients(path string) (list []Process, others int) { return clients(path) }
