package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/audit/export"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// keepEvery is how often a follower writes its position: after a crash, at most so much is
// exported again.
const keepEvery = time.Second

// exportFlags say what is exported, and how.
type exportFlags struct {
	logFlags
	format     string
	follow     bool
	after      uint64
	state      string
	enterprise int
}

func newLogExportCommand(a *app) *cobra.Command {
	flags := exportFlags{format: export.JSONL}
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
	cli.ChoiceFlag(cmd, &flags.format, "format", "", "", export.Formats...)
	cmd.Flags().BoolVarP(&flags.follow, "follow", "f", false, "go on with each new record as it is written")
	cmd.Flags().Uint64Var(&flags.after, "after", 0, "only records after the one with this `number`")
	cmd.Flags().StringVar(&flags.state, "state", "", "keep in this `file` how far the export came, and go on from there")
	cmd.Flags().IntVar(&flags.enterprise, "enterprise", export.ExampleEnterprise, "syslog: your private enterprise `number`, for the structured data; the default is that of examples")
	cmd.MarkFlagsMutuallyExclusive("after", "state")
	return cmd
}

func (f *exportFlags) run(cmd *cobra.Command, dir string) error {
	filter, err := f.complete(time.Now())
	if err != nil {
		return err
	}
	position := export.Position{Seq: f.after}
	if f.state != "" {
		if position, err = export.ReadPosition(f.state); err == nil {
			err = position.Check(dir)
		}
		if err != nil {
			return err
		}
	}
	filter.After = position.Seq
	out := bufio.NewWriter(cmd.OutOrStdout())
	writer, err := export.New(f.format, out, f.source())
	if err != nil {
		return err
	}
	if position.Seq == 0 {
		if err := writer.Head(); err != nil {
			return err
		}
	}
	records := audit.Read(dir, filter)
	if f.follow {
		records = audit.FollowAll(cmd.Context(), dir, filter)
	}
	e := exporter{flags: f, out: out, writer: writer, position: position, faults: cmd.ErrOrStderr()}
	return e.run(cmd.Context(), records)
}

// source is this machine. What is not known of it is left out.
func (f *exportFlags) source() export.Source {
	host, _ := os.Hostname()
	return export.Source{Host: host, Version: version, BootID: platform.BootID(), Enterprise: f.enterprise}
}

// exporter writes records, and keeps how far it came.
type exporter struct {
	flags    *exportFlags
	out      *bufio.Writer
	writer   export.Writer
	position export.Position
	faults   io.Writer

	kept    export.Position // in the file
	keptAt  time.Time
	faulted int
}

// run exports the records. A line of the log that is no record is reported and left out:
// whoever can damage one line must not silence what follows.
func (e *exporter) run(ctx context.Context, records iter.Seq2[audit.Record, error]) error {
	e.kept = e.position
	for record, err := range records {
		if err != nil {
			e.faulted++
			fmt.Fprintf(e.faults, "keybroker: a line of the log is left out: %s\n", platform.Plain(err))
			continue
		}
		if err := e.record(record); err != nil {
			return err
		}
	}
	err := errors.Join(e.out.Flush(), e.keep())
	if err == nil && e.faulted > 0 {
		err = problem.With(fmt.Errorf("%d lines of the log are no records that the broker wrote", e.faulted), "see what was changed: keybroker log verify")
	}
	return err
}

func (e *exporter) record(record audit.Record) error {
	if err := e.writer.Record(record); err != nil {
		return err
	}
	e.position = export.Position{Seq: record.Seq, Hash: record.Hash}
	if !e.flags.follow {
		return nil
	}
	if err := e.out.Flush(); err != nil || time.Since(e.keptAt) < keepEvery {
		return err
	}
	return e.keep()
}

// keep writes the position, after what it is of was written.
func (e *exporter) keep() error {
	if e.flags.state == "" || e.position == e.kept {
		return nil
	}
	e.kept, e.keptAt = e.position, time.Now()
	if err := e.position.Write(e.flags.state); err != nil {
		return problem.WithDefault(err, "give --state a file in a directory that you may write to")
	}
	return nil
}
