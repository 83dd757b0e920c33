package main

import (
	"encoding/csv"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
	"github.com/spf13/cobra"
)

func newLogExportCommand(a *app) *cobra.Command {
	var flags logFlags
	var format string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the audit log to standard output as JSON lines or CSV",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.locate(); err != nil {
				return err
			}
			filter, err := flags.complete(time.Now())
			if err != nil {
				return err
			}
			records := audit.Read(a.config.AuditDir(), filter)
			if format == "csv" {
				return exportCSV(cmd.OutOrStdout(), records)
			}
			a.JSON = true
			return a.printLog(cmd.OutOrStdout(), records, false)
		},
	}
	flags.register(a, cmd)
	format = "jsonl"
	cli.ChoiceFlag(cmd, &format, "format", "", "", "jsonl", "csv")
	return cmd
}

func exportCSV(out io.Writer, records iter.Seq2[audit.Record, error]) error {
	w := csv.NewWriter(out)
	_ = w.Write([]string{"seq", "time", "id", "op", "decision", "rule", "reason", "key", "comment", "fingerprint", "program", "pid", "purpose", "user", "trust", "host", "forwarded"})
	for r, err := range records {
		if err != nil {
			return err
		}
		_ = w.Write(csvRecord(r))
	}
	w.Flush()
	return w.Error()
}

func csvRecord(r audit.Record) []string {
	var key audit.Key
	var peer audit.Peer
	var purpose wire.Purpose
	var destination keys.Destination
	set(&key, r.Key)
	set(&peer, r.Peer)
	set(&purpose, r.Purpose)
	set(&destination, r.Destination)
	cells := []string{strconv.FormatUint(r.Seq, 10), r.Time.Format(time.RFC3339Nano), r.ID, string(r.Op), r.Decision, r.Rule, r.Reason,
		key.Name, key.Comment, key.Fingerprint, peer.Program, strconv.Itoa(peer.PID), purpose.String(), purpose.User, string(destination.Trust), destination.Name(), strconv.FormatBool(destination.Forwarded)}
	for i, cell := range cells {
		cells[i] = csvSafe(cell)
	}
	return cells
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// csvSafe keeps a spreadsheet from reading a text that a program chose as a formula.
func csvSafe(cell string) string {
	cell = platform.Escape(cell, 1024)
	if cell != "" && strings.ContainsRune("=+-@\t", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
