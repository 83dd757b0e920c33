package main

import (
	"fmt"
	"strconv"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

func newLogVerifyCommand(a *app) *cobra.Command {
	var journal string
	cmd := a.TableFlags(&cobra.Command{
		Use:   "verify",
		Short: "Check the hash chain of the audit log; name the first bad line",
		Long: `Check that no record of the audit log was changed, removed, added or moved. If the
broker runs, also check that the log ends with the record that the broker wrote
last. docs/audit-log.md says what this can and cannot prove.

With --against-journal, also compare the log with the numbers and hashes that the
broker wrote to the system's journal, which none of your programs can change. With
--against-journal=FILE they come from a file: the output of "journalctl -o json",
or lines of syslog, which any program could have written.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			heads, err := a.headsIn(cmd.Context(), journal)
			if err != nil {
				return err
			}
			report, err := broker.VerifyLog(cmd.Context(), &a.config, client, heads.Witnessed...)
			if err != nil {
				return err
			}
			if report.Bad == nil && len(report.Files) == 0 {
				return problem.With(fmt.Errorf("there is no audit log in %s", a.config.AuditDir()), "the broker creates it with its first record: keybroker daemon")
			}
			if err := a.Print(cmd, report, func(w *cli.Table) { printReport(w, report); printHeads(w, journal, heads) }); err != nil {
				return err
			}
			if report.Bad != nil {
				return problem.With(fmt.Errorf("the audit log was changed: %s", report.Bad), "before anything else, copy %s", a.config.AuditDir())
			}
			if journal != "" && len(heads.Witnessed) == 0 {
				return problem.With(fmt.Errorf("%s contains no head of the log in %s, so nothing was compared", journal, a.config.AuditDir()), "see whether there is one: journalctl MESSAGE_ID=%s", audit.HeadID)
			}
			return nil
		},
	})
	cmd.Flags().StringVar(&journal, "against-journal", "", "compare with the heads in the system's journal or in a `FILE`")
	cmd.Flags().Lookup("against-journal").NoOptDefVal = theJournal
	return cmd
}

func printReport(w *cli.Table, r audit.Report) {
	w.Row("records", strconv.FormatUint(r.Records, 10))
	w.Row("files", strconv.Itoa(len(r.Files)))
	w.Row("last", fmt.Sprintf("record %d, %s", r.Head.Seq, r.Head.Hash))
	if r.Bad == nil {
		w.Row("result", "whole: every record follows from the one before")
	} else {
		w.Row("result", "BAD: "+r.Bad.String())
	}
}
