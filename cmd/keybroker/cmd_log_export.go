package main

import (
	"fmt"
	"os"
	"time"

	"github.com/keybroker/keybroker/agent/audit/export"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

// exportFlags say what is exported, and how.
type exportFlags struct {
	logFlags
	export.Options
	enterprise int
}

func newLogExportCommand(a *app) *cobra.Command {
	flags := exportFlags{Options: export.Options{Format: export.JSONL}}
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the audit log to standard output, for other systems",
		Long: `Write the audit log to standard output: as JSON lines (the log's own lines, whose
hashes can be checked), CSV, CEF, syslog (RFC 5424, a message a line) or in the
journal's export format. It works without a running broker.

With --follow it goes on with each new record. With --state it keeps in a file how far
it came, and the next run goes on from there. A record may come twice after a crash,
and none is left out. If the log no longer has the last record that was exported, it
was rewritten, and the export stops with an error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.locate(); err != nil {
				return err
			}
			return flags.run(cmd, a.config.AuditDir())
		},
	}
	flags.register(a, cmd)
	cli.ChoiceFlag(cmd, &flags.Format, "format", "", "", export.Formats...)
	cmd.Flags().BoolVarP(&flags.Follow, "follow", "f", false, "go on with each new record as it is written")
	cmd.Flags().Uint64Var(&flags.After, "after", 0, "only records after the one with this `number`")
	cmd.Flags().StringVar(&flags.State, "state", "", "keep in this `file` how far the export came, and go on from there")
	cmd.Flags().IntVar(&flags.enterprise, "enterprise", export.ExampleEnterprise, "syslog: your private enterprise `number`, for the structured data; the default is that of examples")
	cmd.MarkFlagsMutuallyExclusive("after", "state")
	return cmd
}

func (f *exportFlags) run(cmd *cobra.Command, dir string) (err error) {
	if f.Filter, err = f.complete(time.Now()); err != nil {
		return err
	}
	f.Source = f.source()
	f.Fault = func(err error) {
		fmt.Fprintf(cmd.ErrOrStderr(), "keybroker: a line of the log is left out: %s\n", platform.Plain(err))
	}
	return export.Run(cmd.Context(), dir, cmd.OutOrStdout(), f.Options)
}

// source is this machine. What is not known of it is left out.
func (f *exportFlags) source() export.Source {
	host, _ := os.Hostname()
	return export.Source{Host: host, Version: version, BootID: platform.BootID(), Enterprise: f.enterprise}
}
