package platform

import "os"

// OpenTerminal opens the controlling terminal of p, which must be in its foreground.
// The kernel, not p, says which terminal that is. It must belong to p's user, and
// nobody else may read it (mode 0620 or narrower, as sshd and devpts make it). Reads
// and writes end at deadlines.
func OpenTerminal(p Peer) (*os.File, error) { return openTerminal(p) }

// Sits returns nil while p is the same process and in the foreground of the terminal
// that it had when it connected; otherwise the reason.
func Sits(p Peer) error { return sits(p) }

// Announce writes text to every terminal of this user but the one named except
// ("pts/3"). It waits for none of them. The error names those that did not take all
// of it, or says that there is no other one: then nobody may have been told.
func Announce(text, except string) error { return announce(text, except) }

// LeaveTerminal discards unread input of a terminal, and lets other programs open it,
// in case the program that kept them out has died.
func LeaveTerminal(tty *os.File) error { return leaveTerminal(tty) }
