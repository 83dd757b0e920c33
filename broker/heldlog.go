package broker

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/keybroker/keybroker/platform"
	"golang.org/x/term"
)

// maxHeld bounds the lines that wait: any program can cause some, and a question
// may stay for minutes.
const maxHeld = 64 << 10

// heldLog is the daemon's log on its standard error. Where that is a terminal, lines
// wait while a question is on one: they would scroll the facts out of sight, and
// stand between the question and the answer.
type heldLog struct {
	out      io.Writer
	terminal bool

	mu        sync.Mutex // guards the fields that follow
	questions int
	waiting   bytes.Buffer
	dropped   int // lines that did not fit
}

func newHeldLog(file *os.File) *heldLog {
	return &heldLog{out: file, terminal: term.IsTerminal(int(file.Fd()))}
}

// handler writes lines for a person where there is one to read them, and else for programs.
func (l *heldLog) handler() slog.Handler {
	if l.terminal {
		return plainLog{to: l}
	}
	return slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: platform.PlainAttr})
}

// Write writes one line, or keeps it until no question is left.
func (l *heldLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.questions == 0:
		return l.out.Write(line)
	case l.waiting.Len()+len(line) > maxHeld:
		l.dropped++
	default:
		l.waiting.Write(line)
	}
	return len(line), nil
}

// hold makes lines wait until the returned function is called.
func (l *heldLog) hold() (release func()) {
	if !l.terminal {
		return func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.questions++
	return l.release
}

func (l *heldLog) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.questions--; l.questions > 0 {
		return
	}
	if l.dropped > 0 {
		fmt.Fprintf(&l.waiting, "keybroker: %d more lines of the log were left out while a question was shown\n", l.dropped)
		l.dropped = 0
	}
	_, _ = l.waiting.WriteTo(l.out) // a log that cannot be written stops nothing
	l.waiting = bytes.Buffer{}
}
