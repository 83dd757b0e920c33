package agent

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A client, a card or another agent can make the daemon write lines to its own
// log (the journal, a terminal) as often as it likes: by broken frames, say.
const (
	// lineBurst lines with one message are written at once.
	lineBurst = 100
	// lineRefill is after how long one more of them may be.
	lineRefill = 10 * time.Second
)

// QuietLog leaves out lines that repeat. The next line with the same message
// says how many were left out. Messages must be constants: what differs from line
// to line belongs into the attributes.
func QuietLog(h slog.Handler) slog.Handler { return quietLog{h, &lines{of: make(map[string]*line)}} }

type quietLog struct {
	slog.Handler
	lines *lines
}

type lines struct {
	mu sync.Mutex // guards of
	of map[string]*line
}

type line struct {
	bucket
	left int
}

// Handle implements slog.Handler.
func (q quietLog) Handle(ctx context.Context, record slog.Record) error {
	left, ok := q.lines.take(record.Message, record.Time)
	if !ok {
		return nil
	}
	if left > 0 {
		record = record.Clone()
		record.AddAttrs(slog.Int("lines_left_out", left))
	}
	return q.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (q quietLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quietLog{q.Handler.WithAttrs(attrs), q.lines}
}

// WithGroup implements slog.Handler.
func (q quietLog) WithGroup(name string) slog.Handler {
	return quietLog{q.Handler.WithGroup(name), q.lines}
}

func (l *lines) take(message string, now time.Time) (left int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.of[message]
	if one == nil {
		one = new(line)
		l.of[message] = one
	}
	if !one.take(now, lineBurst, lineRefill) {
		one.left++
		return 0, false
	}
	left, one.left = one.left, 0
	return left, true
}
