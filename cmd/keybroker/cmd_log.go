package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/wire"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

const (
	// maxCell bounds one cell of a table on a terminal.
	maxCell = 60
	// defaultLast is how many records `keybroker log` shows when not told.
	defaultLast = 50
)

func (a *app) auditDir() string { return filepath.Join(a.config.paths.StateDir, "audit") }

// logFlags select records.
type logFlags struct {
	filter       audit.Filter
	since, until string
	ops          []string
	all          bool
}

func (f *logFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "", "from this time on: 2026-11-22, \"2026-11-22 15:04\" or 90m, 12h, 7d ago")
	flags.StringVar(&f.until, "until", "", "up to this time, likewise")
	flags.StringVar(&f.filter.Key, "key", "", "key name, fingerprint or pattern")
	flags.StringVar(&f.filter.Host, "host", "", "verified host name or pattern")
	flags.StringVar(&f.filter.Program, "program", "", "program name or pattern")
	flags.StringVar(&f.filter.Decision, "decision", "", "allowed, refused or note")
	flags.StringSliceVar(&f.filter.IDs, "id", nil, "the request with this ID")
	flags.StringSliceVar(&f.ops, "op", nil, "sign, list, add, remove, remove-all, lock, unlock, session-bind, connect")
	flags.BoolVar(&f.all, "all", false, "also the records of listing keys")
}

func (f *logFlags) complete(now time.Time) (audit.Filter, error) {
	filter := f.filter
	var err error
	if filter.Since, err = parseTime(f.since, now); err != nil {
		return filter, err
	}
	if filter.Until, err = parseTime(f.until, now); err != nil {
		return filter, err
	}
	for _, op := range f.ops {
		filter.Ops = append(filter.Ops, keys.Op(op))
	}
	if !f.all && len(f.ops) == 0 {
		filter.NotOps = []keys.Op{keys.OpList}
	}
	return filter, nil
}

// parseTime takes a date, a date with time, or how long ago.
func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, usageError{fmt.Errorf("the time %q is not understood\nuse a date (2026-11-22), a date with time (\"2026-11-22 15:04\"), or how long ago (90m, 12h, 7d)", text)}
}

func newLogCommand(a *app) *cobra.Command {
	var flags logFlags
	var follow bool
	cmd := a.jsonFlag(&cobra.Command{
		Use:   "log",
		Short: "Show what was asked of the keys, and what was decided",
		Long: `Show the audit log: each request with who asked, for which key, where the
signature went and what was decided. It works without a running broker.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			filter, err := flags.complete(time.Now())
			if err != nil {
				return err
			}
			records := audit.Read(a.auditDir(), filter)
			if follow {
				records = audit.Follow(cmd.Context(), a.auditDir(), filter)
			}
			return a.printLog(cmd.OutOrStdout(), records)
		},
	})
	flags.register(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with each new record")
	cmd.Flags().IntVarP(&flags.filter.Last, "last", "n", defaultLast, "only the last so many; 0 shows all")
	cmd.AddCommand(newLogVerifyCommand(a), newLogExportCommand(a))
	return cmd
}

func (a *app) printLog(out io.Writer, records iter.Seq2[audit.Record, error]) error {
	encoder := json.NewEncoder(out)
	header := false
	for r, err := range records {
		if err != nil {
			return err
		}
		if a.json {
			if err := encoder.Encode(r); err != nil {
				return err
			}
			continue
		}
		if !header {
			header = true
			fmt.Fprintf(out, logRow, "TIME", "ID", "DECISION", "WHAT", "KEY", "WHERE", "WHO", "WHY")
		}
		fmt.Fprintf(out, logRow, r.Time.Local().Format(time.DateTime), r.ID, r.Decision,
			strings.TrimSpace(string(r.Op)+" "+purposeText(r)), keyText(r), destinationText(r), peerText(r), platform.Escape(r.Reason, maxCell))
	}
	return nil
}

// logRow has fixed widths, so that -f can print a row as soon as it is there.
const logRow = "%-19s  %-8s  %-8s  %-20s  %-20s  %-28s  %-32s  %s\n"

func purposeText(r audit.Record) string {
	switch {
	case r.Purpose == nil || r.Purpose.Kind == "":
		return ""
	case r.Purpose.Kind == wire.KindLogin:
		return "login as " + platform.Escape(r.Purpose.User, 16)
	}
	return platform.Escape(r.Purpose.String(), 20)
}

func keyText(r audit.Record) string {
	switch {
	case r.Op == keys.OpList:
		return fmt.Sprintf("%d keys", r.Count)
	case r.Key == nil:
		return "-"
	case r.Key.Name != "":
		return platform.Escape(r.Key.Name, 20)
	case r.Key.Comment != "":
		return platform.Escape(r.Key.Comment, 20)
	}
	return platform.Escape(r.Key.Fingerprint, 20)
}

func destinationText(r audit.Record) string {
	d := r.Destination
	if d == nil {
		return "-"
	}
	text := "-"
	switch d.Trust {
	case keys.TrustVerified:
		text = hostText(d.Host)
	case keys.TrustClaimed:
		text = platform.Escape(d.Claimed, 18) + " (claimed)"
	}
	if d.Forwarded {
		text += " (forwarded)"
	}
	return text
}

func hostText(host keys.Host) string {
	if len(host.Names) == 0 {
		return platform.Escape(host.Fingerprint, 28)
	}
	return platform.Escape(host.Names[0], 28)
}

func peerText(r audit.Record) string {
	if r.Peer == nil {
		return "-"
	}
	if r.Peer.Program == "" {
		return platform.Escape("user "+r.Peer.User+", program not known", 32)
	}
	names := append([]string{r.Peer.Program}, r.Peer.Chain...)
	return platform.Escape(strings.Join(names[:min(len(names), maxChain)], " ← "), 32)
}

// maxChain is how many programs of a chain are shown in a table.
const maxChain = 4

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

func newLogExportCommand(a *app) *cobra.Command {
	var flags logFlags
	var format string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the audit log to standard output as JSON lines or CSV",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			filter, err := flags.complete(time.Now())
			if err != nil {
				return err
			}
			records := audit.Read(a.auditDir(), filter)
			switch format {
			case "jsonl":
				a.json = true
				return a.printLog(cmd.OutOrStdout(), records)
			case "csv":
				return exportCSV(cmd.OutOrStdout(), records)
			}
			return usageError{fmt.Errorf("format %q is not known\nuse jsonl or csv", format)}
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	return cmd
}

func exportCSV(out io.Writer, records iter.Seq2[audit.Record, error]) error {
	w := csv.NewWriter(out)
	_ = w.Write([]string{"seq", "time", "id", "op", "decision", "rule", "reason", "key", "fingerprint", "program", "pid", "purpose", "user", "trust", "host", "forwarded"})
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
	host := destination.Claimed
	if destination.Trust == keys.TrustVerified {
		host = hostText(destination.Host)
	}
	cells := []string{strconv.FormatUint(r.Seq, 10), r.Time.Format(time.RFC3339Nano), r.ID, string(r.Op), r.Decision, r.Rule, r.Reason,
		key.Name, key.Fingerprint, peer.Program, strconv.Itoa(peer.PID), purpose.String(), purpose.User, string(destination.Trust), host, strconv.FormatBool(destination.Forwarded)}
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

// csvSafe keeps a spreadsheet from taking what a program chose for a formula.
func csvSafe(cell string) string {
	cell = platform.Escape(cell, 1024)
	if cell != "" && strings.ContainsRune("=+-@\t", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
