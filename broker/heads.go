package broker

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/platform"
)

// How often the audit log's head is copied to the system's log, which another user
// keeps. After the broker has ended, records newer than the last head can be rewritten
// unnoticed. Heads more often than this would fill the journal.
const (
	headRecords = 100
	headTime    = 5 * time.Minute
	headWait    = time.Second // for the last head, at the end
	headGap     = time.Second // between two heads: a flooded journal drops some
)

// headTeller copies the head of the audit log to the system's log.
type headTeller struct {
	head func() audit.Head
	dir  string
	log  *slog.Logger

	written atomic.Int64 // records since the last head
	wake    chan struct{}
	told    uint64 // the last head's record
	failed  bool   // the failure was logged already
}

func newHeadTeller(log *audit.Log, dir string, logger *slog.Logger) *headTeller {
	return &headTeller{head: log.Head, dir: dir, log: logger, wake: make(chan struct{}, 1)}
}

// record counts a record that was written. It does not wait.
func (h *headTeller) record(r audit.Record) {
	if h.written.Add(1) < headRecords && r.Rules == "" { // a change of the broker gets a head at once
		return
	}
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// start copies heads until the returned function is called.
func (h *headTeller) start() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); h.run(ctx) }()
	return func() {
		cancel()
		select {
		case <-done:
		case <-time.After(headWait): // a stuck journal must not delay the end
		}
	}
}

// run copies heads until ctx ends, and then the last one.
func (h *headTeller) run(ctx context.Context) {
	timer := time.NewTicker(headTime)
	defer timer.Stop()
	for ctx.Err() == nil {
		h.tell()
		select {
		case <-timer.C:
		case <-h.wake:
		case <-ctx.Done():
		}
		select {
		case <-time.After(headGap):
		case <-ctx.Done():
		}
	}
	h.tell()
}

func (h *headTeller) tell() {
	h.written.Store(0)
	head := h.head()
	if head.Seq == h.told {
		return
	}
	where, err := platform.SystemLog(audit.HeadText(head, h.dir), audit.HeadID)
	switch {
	case err == nil:
		h.told, h.failed = head.Seq, false
		h.log.Debug("the audit log's head was copied", "record", head.Seq, "to", where)
	case !h.failed:
		h.failed = true
		h.log.Warn("the audit log's head cannot be copied to the system's log", "error", err,
			"remedy", "start a syslog service or systemd's journal, or note the head yourself: keybroker log verify")
	}
}
