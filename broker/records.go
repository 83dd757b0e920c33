package broker

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
)

// records is the audit log, with its index and with the receivers of its records and heads.
type records struct {
	log   *audit.Log
	index *audit.Index // for the prompt, and the order of lists
	heads *headTeller
	feed  *control.Feed

	endReading context.CancelFunc // of the log into the index
}

// openRecords opens the log. Reading a long one takes a while; until then the prompt
// shows no history.
func openRecords(c *config.Config, feed *control.Feed, logger *slog.Logger) (*records, error) {
	r := &records{index: audit.NewIndex(), feed: feed}
	var err error
	r.log, err = audit.Open(audit.Config{Dir: c.AuditDir(), Durability: audit.Durability(c.Audit.Durability), Log: logger, Observe: r.index.Add})
	if err != nil {
		return nil, err
	}
	r.heads = newHeadTeller(r.log, c.AuditDir(), logger)
	ctx, cancel := context.WithCancel(context.Background())
	r.endReading = cancel
	go r.index.Load(ctx, c.AuditDir())
	return r, nil
}

// written passes on each record of the log.
func (r *records) written(record audit.Record) {
	r.heads.record(record)
	r.feed.Record(record)
}

func (r *records) close() error {
	r.endReading()
	if err := r.log.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
