package broker

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
)

// VerifyLog compares the log with the running broker's heads: the log must contain the
// head from before the reading, and must not end after the head from after it.
func VerifyLog(ctx context.Context, c *config.Config, client *control.Client, witnessed ...audit.Witnessed) (audit.Report, error) {
	return compareLog(ctx, c, client, audit.Verify, witnessed)
}

// VerifyLogWith is VerifyLog for a log whose older months lie in other directories.
func VerifyLogWith(ctx context.Context, c *config.Config, client *control.Client, archives []string, witnessed ...audit.Witnessed) (audit.Report, error) {
	return compareLog(ctx, c, client, audit.VerifyWith(archives), witnessed)
}

// CheckLog is VerifyLog for a command that is to answer at once (audit.Check).
func CheckLog(ctx context.Context, c *config.Config, client *control.Client) (audit.Report, error) {
	return compareLog(ctx, c, client, audit.Check, nil)
}

func compareLog(ctx context.Context, c *config.Config, client *control.Client, verify func(string, ...audit.Witnessed) (audit.Report, error), witnessed []audit.Witnessed) (audit.Report, error) {
	if before, err := client.Status(ctx); err == nil {
		witnessed = append(witnessed, audit.Witnessed{Head: before.Audit.Head(), By: "the broker"})
	}
	report, err := verify(c.AuditDir(), witnessed...)
	if err != nil || report.Bad != nil {
		return report, err
	}
	if after, err := client.Status(ctx); err == nil && after.Audit.Seq < report.Head.Seq {
		report.Bad = &audit.Bad{File: report.Head.File, Why: fmt.Sprintf("the broker wrote record %d last, and the log goes on to record %d",
			after.Audit.Seq, report.Head.Seq)}
	}
	return report, nil
}
