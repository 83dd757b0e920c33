package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// RecordRenaming has the running broker record a renaming in the audit log, or without
// a broker records it itself.
func RecordRenaming(ctx context.Context, c *config.Config, info keys.Info, renaming control.Renaming) error {
	if err := Client(c).RecordRename(ctx, renaming); err == nil || !errors.Is(err, control.ErrNotRunning) {
		return err
	}
	log, err := audit.Open(audit.Config{Dir: c.AuditDir(), Durability: audit.Durability(c.Audit.Durability)})
	if err != nil {
		return fmt.Errorf("the renaming cannot be written to the audit log: %w", err)
	}
	defer log.Close()
	record := audit.FromUse(&keys.Use{ID: rand.Text()[:8], Op: keys.OpRename, Peer: platform.Self(), Key: info})
	record.Decision, record.Reason = audit.Allowed, renaming.Done()
	_, err = log.Append(record)
	return err
}
