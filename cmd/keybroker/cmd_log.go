package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

const (
	// maxCell bounds one cell of a table on a terminal.
	maxCell = 60
	// defaultLast is how many records `keybroker log` shows by default.
	defaultLast = 50
)

// logFlags select records.
type logFlags struct {
	filter       audit.Filter
	since, until string
	ops          []string
	all          bool
}

// logOps are the operations that a record can have.
func logOps() []string {
	var names []string
	for _, op := range keys.Ops {
		names = append(names, string(op))
	}
	return names
}

func (f *logFlags) register(a *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "", "from this time on: 2026-11-22, \"2026-11-22 15:04\", or how long ago: 90m, 12h, 7d")
	flags.StringVar(&f.until, "until", "", "up to this time, in the same form")
	flags.StringVar(&f.filter.Key, "key", "", "key name or fingerprint (patterns: \"*\", \"?\", \"a,b\", \"*,!c\")")
	flags.StringVar(&f.filter.Host, "host", "", "host name or fingerprint, proved or claimed (patterns)")
	flags.StringVar(&f.filter.Program, "program", "", "program's name or path (patterns)")
	flags.StringVar(&f.filter.Socket, "socket", "", "name of the separate socket (patterns)")
	cli.ChoiceFlag(cmd, &f.filter.Decision, "decision", "", "", audit.Allowed, audit.Refused, audit.Note)
	flags.StringSliceVar(&f.filter.IDs, "id", nil, "the request with this ID")
	cli.ChoicesFlag(cmd, &f.ops, "op", "", logOps()...)
	completeFlag(cmd, "socket", a.socketNames)
	completeFlag(cmd, "key", a.keyNames)
	completeFlag(cmd, "id", a.refusedIDs)
	flags.BoolVar(&f.all, "all", false, "also show records of listed keys, and of which keys the broker holds")
}

func (f *logFlags) complete(now time.Time) (audit.Filter, error) {
	filter := f.filter
	if filter.Last < 0 {
		return filter, cli.Usage(problem.New("--last cannot be negative", "give the number of records to show, or 0 for all"))
	}
	if err := checkPatterns(filter); err != nil {
		return filter, err
	}
	var err error
	if filter.Since, err = parseTime(f.since, now); err != nil {
		return filter, err
	}
	if filter.Until, err = parseTime(f.until, now); err != nil {
		return filter, err
	}
	if !filter.Since.IsZero() && !filter.Until.IsZero() && filter.Until.Before(filter.Since) {
		return filter, cli.Usage(problem.New("--until is before --since", "swap the two"))
	}
	for _, op := range f.ops {
		filter.Ops = append(filter.Ops, keys.Op(op))
	}
	if !f.all && len(f.ops) == 0 {
		filter.NotOps = []keys.Op{keys.OpList, keys.OpKeys}
	}
	return filter, nil
}

func checkPatterns(f audit.Filter) error {
	for _, flag := range []struct{ name, list string }{{"key", f.Key}, {"host", f.Host}, {"program", f.Program}, {"socket", f.Socket}} {
		if err := keys.CheckPatterns(flag.list, 0); err != nil {
			return cli.Usage(fmt.Errorf("--%s: bad pattern %q: %w", flag.name, flag.list, err))
		}
	}
	return nil
}

// parseTime reads a date, a date with time, or how long ago.
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
	return time.Time{}, cli.Usage(problem.With(fmt.Errorf("the time %q is not understood", text), `use a date (2026-11-22), a date with time ("2026-11-22 15:04"), or how long ago (90m, 12h, 7d)`))
}

func newLogCommand(a *app) *cobra.Command {
	var flags logFlags
	var follow bool
	cmd := a.TableFlags(&cobra.Command{
		Use:   "log",
		Short: "Show what was asked of the keys, and what was decided",
		Long: `Show the audit log: for each request who asked, for which key, where the signature
went and what was decided. It works without a running broker.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.locate(); err != nil {
				return err
			}
			filter, err := flags.complete(time.Now())
			if err != nil {
				return err
			}
			records := audit.Read(a.config.AuditDir(), filter)
			if follow {
				records = audit.Follow(cmd.Context(), a.config.AuditDir(), filter)
			}
			return a.printLog(cmd.OutOrStdout(), records, follow)
		},
	})
	flags.register(a, cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "also show each new record as it is written")
	cmd.Flags().IntVarP(&flags.filter.Last, "last", "n", defaultLast, "number of records to show, the last ones; 0 shows all")
	cmd.AddCommand(newLogVerifyCommand(a), newLogExportCommand(a), newLogCheckpointCommand(a), newLogArchiveCommand(a))
	return cmd
}
