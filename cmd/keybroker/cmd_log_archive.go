package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

func newLogArchiveCommand(a *app) *cobra.Command {
	var before string
	cmd := &cobra.Command{
		Use:   "archive DIRECTORY",
		Short: "Move old months of the audit log to another directory",
		Long: `Move the months before --before to a directory, which may be on another disk, after
the log was verified together with the months that are there already. A month is
removed only after its copy was read back. The newest month stays. The broker may run.

The chain goes on through both: keybroker log verify --archive DIRECTORY. The number and
the hash of the last record that was moved are printed. Whoever keeps them where your
programs cannot change them can remove the archive for good: keybroker log verify --head
NUMBER:HASH then shows that nothing is missing since.`,
		Args: cli.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			to, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			report, err := broker.VerifyLogWith(cmd.Context(), &a.config, client, []string{to})
			if err != nil {
				return err
			}
			if report.Bad != nil {
				return problem.With(fmt.Errorf("nothing was moved: the audit log was changed: %s", report.Bad), "before anything else, copy %s", a.config.AuditDir())
			}
			moved, err := audit.Archive(a.config.AuditDir(), to, before)
			printMoved(cmd.OutOrStdout(), to, moved, err)
			return err
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "move the months before this one, such as 2026-05 (UTC)")
	_ = cmd.MarkFlagRequired("before")
	cli.CompleteFixed(cmd, "before")
	return cmd
}

// printMoved says what was moved, also before an error.
func printMoved(out io.Writer, to string, moved []string, err error) {
	if len(moved) == 0 && err == nil {
		fmt.Fprintln(out, "There is no older month to move.")
	}
	if len(moved) == 0 {
		return
	}
	fmt.Fprintf(out, "Moved to %s: %s\nTo verify: keybroker log verify --archive %[1]s\n", to, strings.Join(moved, ", "))
	for last, err := range audit.Read(to, audit.Filter{Last: 1}) {
		if err == nil {
			fmt.Fprintf(out, "Its last record: %d:%s\n", last.Seq, last.Hash)
		}
	}
}
