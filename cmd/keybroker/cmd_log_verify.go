package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/keybroker/keybroker/agent/audit"
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
			// The broker is asked first: what it writes meanwhile is then only more.
			status, statusErr := client.Status(cmd.Context())
			report, err := audit.Verify(a.auditDir())
			if err != nil {
				return err
			}
			if err := a.print(cmd, report, func(w io.Writer) { printReport(w, report) }); err != nil {
				return err
			}
			if report.Bad != nil {
				return fmt.Errorf("the audit log was changed: %s line %d: %s\nkeep a copy of %s before anything else", report.Bad.File, report.Bad.Line, report.Bad.Why, a.auditDir())
			}
			if statusErr == nil && status.Audit.Seq > report.Head.Seq {
				return fmt.Errorf("the end of the audit log was cut off: the broker wrote record %d, the log ends with %d\nkeep a copy of %s before anything else", status.Audit.Seq, report.Head.Seq, a.auditDir())
			}
			return nil
		},
	})
}

func printReport(w io.Writer, r audit.Report) {
	row(w, "records", strconv.FormatUint(r.Records, 10))
	row(w, "files", strconv.Itoa(len(r.Files)))
	row(w, "last", fmt.Sprintf("record %d, %s", r.Head.Seq, r.Head.Hash))
	if r.Bad == nil {
		row(w, "result", "whole: every record follows from the one before")
	} else {
		row(w, "result", fmt.Sprintf("BAD at %s line %d: %s", r.Bad.File, r.Bad.Line, r.Bad.Why))
	}
}
