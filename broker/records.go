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

// records is the audit log, with what is learned from it and who is told of it.
type records struct {
	log     *audit.Log
	history *audit.History // for the prompt
	logins  *audit.Logins  // which keys worked where
	heads   *headTeller
	feed    *control.Feed

	endReading context.CancelFunc // of the log into logins
}

// openRecords opens the log. Reading a long one takes a while; until then the prompt
// says nothing of what was before.
func openRecords(c *config.Config, feed *control.Feed, logger *slog.Logger) (*records, error) {
	r := &records{history: audit.NewHistory(), logins: audit.NewLogins(), feed: feed}
	var err error
	r.log, err = audit.Open(audit.Config{Dir: c.AuditDir(), Durability: audit.Durability(c.Audit.Durability), Log: logger, Observe: r.history.Add})
	if err != nil {
		return nil, err
	}
	r.heads = newHeadTeller(r.log, c.AuditDir(), logger)
	go r.history.Load(c.AuditDir())
	ctx, cancel := context.WithCancel(context.Background())
	r.endReading = cancel
	go r.logins.Load(ctx, c.AuditDir())
	return r, nil
}

// written passes on each record of the log.
func (r *records) written(record audit.Record) {
	r.logins.Add(record)
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
