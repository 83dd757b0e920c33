package platform

import "os"

// OpenTerminal opens the controlling terminal of p, which must sit in its
// foreground. The kernel says which terminal that is, not p. It must belong to p's
// user, and nobody else may read it (a mode of 0620 at most, as sshd and devpts
// make it). Reads and writes end at deadlines.
func OpenTerminal(p Peer) (*os.File, error) { return openTerminal(p) }

// Sits returns nil while p is the process that it was, and in the foreground of
// the terminal that it had when it connected; else why not.
func Sits(p Peer) error { return sits(p) }

// Announce writes text to every terminal of this user but the one named except
// ("pts/3"). It waits for none of them. The error names those that did not take all
// of it, or says that there is no other one: then nobody may have been told.
func Announce(text, except string) error { return announce(text, except) }

// LeaveTerminal drops what was typed on a terminal and not read, and lets other
// programs open it, should whoever kept them off have died.
func LeaveTerminal(tty *os.File) error { return leaveTerminal(tty) }
