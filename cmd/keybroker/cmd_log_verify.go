package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/spf13/cobra"
)

func newLogVerifyCommand(a *app) *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use:   "verify",
		Short: "Check the hash chain of the audit log; name the first bad line",
		Long: `Check the audit log from its first record to its last: nothing changed, removed,
added or put in another order. Where the broker runs, also that the end of the
log is the one that the broker wrote last. docs/audit-log.md says what this
proves and what it cannot.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			report, err := a.verifyLog(cmd.Context(), client)
			if err != nil {
				return err
			}
			if report.Bad == nil && len(report.Files) == 0 {
				return fmt.Errorf("there is no audit log in %s\nthe broker begins it with its first record: keybroker daemon", a.auditDir())
			}
			if err := a.print(cmd, report, func(w io.Writer) { printReport(w, report) }); err != nil {
				return err
			}
			if report.Bad != nil {
				return fmt.Errorf("the audit log was changed: %s\nkeep a copy of %s before anything else", report.Bad, a.auditDir())
			}
			return nil
		},
	})
}

// verifyLog holds the log against the heads that the running broker has: the one
// before the log was read must be in it, and the one after must not be behind it.
func (a *app) verifyLog(ctx context.Context, client *control.Client) (audit.Report, error) {
	var witnessed []audit.Witnessed
	if before, err := client.Status(ctx); err == nil {
		witnessed = append(witnessed, audit.Witnessed{Head: before.Audit.Head(), By: "the broker"})
	}
	report, err := audit.Verify(a.auditDir(), witnessed...)
	if err != nil || report.Bad != nil || len(witnessed) == 0 {
		return report, err
	}
	if after, err := client.Status(ctx); err == nil && after.Audit.Seq < report.Head.Seq {
		report.Bad = &audit.Bad{File: report.Head.File, Why: fmt.Sprintf("the broker wrote record %d last, and the log goes on to record %d",
			after.Audit.Seq, report.Head.Seq)}
	}
	return report, nil
}

func printReport(w io.Writer, r audit.Report) {
	row(w, "records", strconv.FormatUint(r.Records, 10))
	row(w, "files", strconv.Itoa(len(r.Files)))
	row(w, "last", fmt.Sprintf("record %d, %s", r.Head.Seq, r.Head.Hash))
	if r.Bad == nil {
		row(w, "result", "whole: every record follows from the one before")
	} else {
		row(w, "result", "BAD: "+r.Bad.String())
	}
}
