package broker

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/broker/config"
)

// longLog is how many records leave tens of MiB when their index is decoded. With fewer, to
// collect the garbage delays the first answer for nothing.
const longLog = 10_000

// records is the audit log, with its index and the receiver of its heads.
type records struct {
	log   *audit.Log
	index *audit.Index // for the prompt, and the order of lists
	heads *headTeller

	endReading context.CancelFunc // of the log into the index
}

// openRecords opens the log. Reading a long one takes a while; until then the prompt
// shows no history.
func openRecords(c *config.Config, logger *slog.Logger) (*records, error) {
	r := &records{index: audit.NewIndex()}
	var err error
	r.log, err = audit.Open(audit.Config{Dir: c.AuditDir(), Durability: audit.Durability(c.Audit.Durability), Log: logger, Index: r.index})
	if err != nil {
		return nil, err
	}
	r.heads = newHeadTeller(r.log, c.AuditDir(), logger)
	ctx, cancel := context.WithCancel(context.Background())
	r.endReading = cancel
	go func() {
		r.index.Load(ctx, c.AuditDir())
		r.log.SaveIndex()
		if r.index.Len() >= longLog {
			debug.FreeOSMemory()
		}
	}()
	return r, nil
}

// written passes on each record of the log.
func (b *Broker) written(record audit.Record) {
	b.records.heads.record(record)
	b.feed.Record(record)
	b.keyWatch.record(record)
}

func (r *records) close() error {
	r.endReading()
	if err := r.log.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
