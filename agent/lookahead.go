package agent

import "io"

// lookaheadBytes holds a whole request for the list, and the beginning of any other.
const lookaheadBytes = 16

// lookahead reads short requests by one system call. What it has passed on it wipes: that
// may have been a part of a passphrase.
type lookahead struct {
	from io.Reader
	buf  [lookaheadBytes]byte
	rest []byte // of buf: not passed on yet
}

// Read reads what is there.
func (l *lookahead) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		if len(p) >= len(l.buf) {
			return l.from.Read(p)
		}
		n, err := l.from.Read(l.buf[:])
		if err != nil || n == 0 {
			return 0, err
		}
		l.rest = l.buf[:n]
	}
	n := copy(p, l.rest)
	clear(l.rest[:n])
	l.rest = l.rest[n:]
	return n, nil
}
