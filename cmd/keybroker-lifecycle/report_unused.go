package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/lifecycle/report"
	"github.com/keybroker/keybroker/lifecycle/store"
	"github.com/spf13/cobra"
)

// mostUnused is how many places the table has. The CSV has all.
const mostUnused = 100

// errEnough ends a list early.
var errEnough = errors.New("enough")

// reportUnused is about every host of the store, which may have millions of rows.
func (a *app) reportUnused(cmd *cobra.Command, form reportForm) error {
	age, err := parseDays(form.unused)
	if err != nil {
		return cli.Usage(fmt.Errorf("--unused: %w", err))
	}
	kept, err := a.OpenStore(cmd.Context())
	if err != nil {
		return err
	}
	defer kept.Close()
	u := unusedReport{app: a, kept: kept, since: time.Now().Add(-age), age: form.unused}
	write := func(out io.Writer) error { return u.table(cmd) }
	switch {
	case form.csv:
		write = func(out io.Writer) error { return u.csv(cmd, out) }
	case a.JSON:
		write = func(out io.Writer) error { return u.counts(cmd, out) }
	}
	if form.file != "" {
		return writePrivate(form.file, write)
	}
	return write(cmd.OutOrStdout())
}

// unusedReport is a question to a store.
type unusedReport struct {
	*app
	kept  *store.Store
	since time.Time
	age   string
}

func (u unusedReport) counts(cmd *cobra.Command, out io.Writer) error {
	counts, err := u.kept.CountUnused(cmd.Context(), u.since)
	if err != nil {
		return err
	}
	return cli.WriteJSON(out, counts)
}

// table shows the counts and the first places.
func (u unusedReport) table(cmd *cobra.Command) error {
	counts, err := u.kept.CountUnused(cmd.Context(), u.since)
	if err != nil {
		return err
	}
	all := counts.Used + counts.Unused + counts.NotWatched
	fmt.Fprintf(cmd.OutOrStdout(), "Of %d authorisations, %d were used in the last %s, %d were watched and not used, and of %d nobody knows, because they were not watched all that time.\n",
		all, counts.Used, u.age, counts.Unused, counts.NotWatched)
	t := cli.NewTable(cmd.OutOrStdout(), false)
	t.Head(cli.FingerprintTitle, "OPENS", "FILE", "LAST USED", "WATCHED SINCE")
	shown := 0
	err = u.each(cmd, func(place store.UnusedPlace) error {
		if shown++; shown > mostUnused {
			return errEnough
		}
		t.Row(place.Fingerprint, place.Account+"@"+place.Host.String(), fmt.Sprintf("%s:%d", place.File, place.Line), day(place.LastUsed, "not known"), day(place.Watched, "not watched"))
		return nil
	})
	if shown == 0 || err != nil {
		return err
	}
	if shown > mostUnused {
		t.Line(fmt.Sprintf("… the first %d; keybroker report --unused %s --csv has all", mostUnused, u.age))
	}
	return t.Flush()
}

func (u unusedReport) csv(cmd *cobra.Command, out io.Writer) error {
	w := csv.NewWriter(out)
	w.Write([]string{"fingerprint", "host", "host_key", "account", "where", "options", "comment", "there_since", "last_used", "watched_since"}) // errors: Flush
	err := u.each(cmd, func(place store.UnusedPlace) error {
		return w.Write(report.UnusedRow(place.Place, place.LastUsed, place.Watched))
	})
	w.Flush()
	return errors.Join(err, w.Error())
}

func (u unusedReport) each(cmd *cobra.Command, do func(store.UnusedPlace) error) error {
	err := u.kept.Unused(cmd.Context(), u.since, do)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func day(at time.Time, zero string) string {
	if at.IsZero() {
		return zero
	}
	return at.Local().Format(time.DateOnly)
}
