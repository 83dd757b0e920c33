package broker

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
)

// VerifyLog holds the log against the heads that the running broker has: the one
// before the log was read must be in it, and the one after must not be behind it.
func VerifyLog(ctx context.Context, c *config.Config, client *control.Client, witnessed ...audit.Witnessed) (audit.Report, error) {
	if before, err := client.Status(ctx); err == nil {
		witnessed = append(witnessed, audit.Witnessed{Head: before.Audit.Head(), By: "the broker"})
	}
	report, err := audit.Verify(c.AuditDir(), witnessed...)
	if err != nil || report.Bad != nil {
		return report, err
	}
	if after, err := client.Status(ctx); err == nil && after.Audit.Seq < report.Head.Seq {
		report.Bad = &audit.Bad{File: report.Head.File, Why: fmt.Sprintf("the broker wrote record %d last, and the log goes on to record %d",
			after.Audit.Seq, report.Head.Seq)}
	}
	return report, nil
}
