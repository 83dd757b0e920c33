package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/inventory"
	"github.com/keybroker/keybroker/lifecycle/report"
	"github.com/keybroker/keybroker/lifecycle/store"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

var errNoInventory = problem.New("no inventory was taken on this machine yet", "keybroker inventory")

// report is the inventory that was chosen, with what changed since another one.
func (a *app) report(cmd *cobra.Command, c chosen) (*report.Report, error) {
	now, before, err := a.inventories(cmd.Context(), c)
	if err != nil {
		return nil, err
	}
	if before == nil {
		return report.New(now), nil
	}
	difference := inventory.Compare(before, &now)
	now.Findings = append(now.Findings, difference.Changes(before)...)
	inventory.Sort(now.Findings)
	r := report.New(now)
	r.Compare(before.Taken, difference.Gone.Places, difference.Gone.Copies)
	return r, nil
}

// inventories returns the one to show and the one to compare it with; nil: none was asked for.
func (a *app) inventories(ctx context.Context, c chosen) (now lifecycle.Inventory, before *lifecycle.Inventory, err error) {
	var runs runs
	if c.from == "" || c.since != "" {
		if runs.kept, err = a.OpenStore(ctx); err != nil {
			return now, nil, err
		}
		defer runs.kept.Close()
		machine, user := here()
		if runs.list, err = runs.kept.Inventories(ctx, machine, user); err != nil {
			return now, nil, err
		}
	}
	if c.from != "" {
		now, err = readInventory(c.from)
	} else {
		now, err = runs.until(ctx, c.at)
	}
	if err != nil || c.since == "" && c.compare == "" {
		return now, nil, err
	}
	earlier := lifecycle.Inventory{}
	if c.compare != "" {
		earlier, err = readInventory(c.compare)
	} else {
		earlier, err = runs.before(ctx, &now, c.since)
	}
	return now, &earlier, err
}

// runs are the inventories of this user on this machine, newest first.
type runs struct {
	kept *store.Store
	list []store.Run
}

// until is the last inventory until a time, or the end of a day; "": the newest.
func (r runs) until(ctx context.Context, text string) (lifecycle.Inventory, error) {
	limit := time.Now().AddDate(1, 0, 0)
	if text != "" {
		var err error
		if limit, err = dayOrTime(text, "--at"); err != nil {
			return lifecycle.Inventory{}, err
		}
		if len(text) == len(time.DateOnly) {
			limit = limit.AddDate(0, 0, 1)
		} else {
			limit = limit.Add(time.Minute)
		}
	}
	for _, run := range r.list {
		if run.Taken.Before(limit) {
			return r.kept.Inventory(ctx, run.ID)
		}
	}
	if len(r.list) > 0 {
		return lifecycle.Inventory{}, problem.New("no inventory was taken until "+text, "see them: keybroker report --list")
	}
	return lifecycle.Inventory{}, errNoInventory
}

// before is the inventory before now, or the last before a date. One that read hosts is
// compared with another that did.
func (r runs) before(ctx context.Context, now *lifecycle.Inventory, since string) (lifecycle.Inventory, error) {
	limit := now.Taken.Truncate(time.Millisecond) // as the store has it
	if since != "last" {
		date, err := dayOrTime(since, "--since")
		if err != nil {
			return lifecycle.Inventory{}, err
		}
		if date.Before(limit) {
			limit = date
		}
	}
	for _, run := range r.list {
		if run.Taken.Before(limit) && (run.Hosts > 0 || len(now.Hosts) == 0) {
			return r.kept.Inventory(ctx, run.ID)
		}
	}
	return lifecycle.Inventory{}, problem.New("there is no earlier inventory to compare with", "see them: keybroker report --list")
}

func dayOrTime(text, flag string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, cli.Usage(problem.With(fmt.Errorf("%s: %.40q is not a date", flag, text), `give a date (2026-11-27), or a date with time ("2026-11-27 15:04")`))
}

// runRow is an inventory in the list.
type runRow struct {
	Taken  time.Time `json:"taken"`
	Hosts  int       `json:"hosts"`
	Places int       `json:"authorisations"`
}

func (a *app) listInventories(cmd *cobra.Command) (err error) {
	kept, err := a.OpenStore(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	machine, user := here()
	list, err := kept.Inventories(cmd.Context(), machine, user)
	if err != nil {
		return err
	}
	rows := []runRow{}
	for _, run := range list {
		rows = append(rows, runRow{run.Taken, run.Hosts, run.Places})
	}
	return a.PrintList(cmd, rows, len(rows), "No inventory was taken on this machine yet.", func(w *cli.Table) {
		w.Head("TAKEN", "HOSTS READ", "AUTHORISATIONS")
		for _, row := range rows {
			w.Row(row.Taken.Local().Format("2006-01-02 15:04"), fmt.Sprint(row.Hosts), fmt.Sprint(row.Places))
		}
	})
}
