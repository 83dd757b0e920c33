package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

const noKeys = "There are no keys yet. Make one: keybroker keys generate NAME, or seal one that you have: keybroker keys import FILE"

func newKeysListCommand(a *app) *cobra.Command {
	var withUsage bool
	var unusedFor string
	cmd := a.TableFlags(&cobra.Command{
		Use:   "list",
		Short: "List every key, with its state and when it was last used",
		Long: `List every key, with its state and when it was last used.

With --usage, list who used each key, where, how often and since when, and for how
long the broker has watched it: the time in which it ran, wrote its log and had the
key. What happened outside of that time, or without the broker, is not known. The
logins of "keybroker inventory" are no uses.

With --unused 90d, list the keys without a use in that time. A key that was watched
for less time since its last use is not called unused; the list says how many days
are missing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			asked, err := parseAge(unusedFor)
			if err != nil {
				return err
			}
			if err := a.locate(); err != nil {
				return err
			}
			list, err := a.keyList().ListUsed(cmd.Context(), withUsage || asked > 0)
			if err != nil {
				return err
			}
			if other := broker.OtherVersionRuns(cmd.Context(), &a.config, version); other != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), "keybroker:", other)
			}
			switch now := time.Now(); {
			case asked > 0:
				list = broker.Unused(list, asked, now)
				return a.PrintList(cmd, list, len(list), "Every key was used in that time.", func(w *cli.Table) { printUnused(w, list, now) })
			case withUsage:
				return a.PrintList(cmd, list, len(list), noKeys, func(w *cli.Table) { printUsage(w, list, now) })
			}
			return a.PrintList(cmd, list, len(list), noKeys, func(w *cli.Table) { printKeys(w, list, a.Wide) })
		},
	})
	cmd.Flags().BoolVar(&withUsage, "usage", false, "list who used each key, where and since when, and how long it has been watched")
	cmd.Flags().StringVar(&unusedFor, "unused", "", "list the keys without a use in this time: 90d, 12h")
	return cmd
}

// parseAge reads a number of days, or a duration; "" is 0.
func parseAge(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= maxAge {
			return time.Duration(n) * oneDay, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, cli.Usage(problem.With(fmt.Errorf("--unused cannot be %q", text), "give a number of days or hours: 90d, 12h"))
}

const (
	oneDay = 24 * time.Hour
	maxAge = 36500 // days
)

func (a *app) listKeys(ctx context.Context) ([]control.Key, error) {
	if err := a.locate(); err != nil {
		return nil, err
	}
	return a.keyList().List(ctx)
}

// printKeys also shows, with wide, what the person said of each key.
func printKeys(w *cli.Table, list []broker.UsedKey, wide bool) {
	titles := []string{"NAME", "TYPE", "FINGERPRINT", "COMMENT", "FROM", "STATE", "LAST USED"}
	if wide {
		titles = append(titles, "OWNER", "PURPOSE", "EXPIRES", "TICKET")
	}
	w.Head(titles...)
	w.Paint(5, map[string]text.Color{"ready": text.FgGreen})
	now := time.Now()
	for _, key := range list {
		cells := []string{key.Name, key.Type, key.Fingerprint, platform.Escape(key.Comment, 30), key.Source, stateText(now, key.Key), lastUsed(now, key.Key)}
		if wide {
			cells = append(cells, key.Claim.Owner, key.Claim.Purpose, expiryText(now, key.Claim), key.Claim.Ticket)
		}
		w.Row(cells...)
	}
}

func lastUsed(now time.Time, key control.Key) string {
	if key.LastUsed == nil {
		return "never"
	}
	return keys.Ago(now, *key.LastUsed)
}

func printUsage(w *cli.Table, list []broker.UsedKey, now time.Time) {
	w.Head("KEY", "FIRST USED", "LAST USED", "USES", "HOSTS", "USERS", "PROGRAMS", "WATCHED")
	for _, key := range list {
		u := key.Usage
		first := "-"
		if u.Count > 0 {
			first = u.First.Local().Format(time.DateOnly)
		}
		w.Row(keyTitle(key.Key), first, lastUsed(now, key.Key), strconv.Itoa(u.Count), someOf(u.Hosts), someOf(u.Users), someOf(u.Programs), watchedText(u))
	}
}

func printUnused(w *cli.Table, list []broker.UsedKey, now time.Time) {
	w.Head("KEY", "LAST USED", "WATCHED", "RESULT")
	for _, key := range list {
		result := "unused: watched " + longText(seconds(key.Unused.WatchedSeconds), false) + " without a use"
		if !key.Unused.Unused {
			result = "too early to say (" + longText(seconds(key.Unused.ToGoSeconds), true) + " to go)"
		}
		w.Row(keyTitle(key.Key), lastUsed(now, key.Key), watchedText(key.Usage), result)
	}
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

func keyTitle(key control.Key) string {
	return platform.Escape(cmp.Or(key.Name, key.Comment, key.Fingerprint), maxCell)
}

// watchedText says for how long a key was watched, since when, and that there are gaps.
func watchedText(u *broker.KeyUsage) string {
	if u.WatchedSince == nil {
		return "not watched yet"
	}
	text := longText(seconds(u.WatchedSeconds), false) + " since " + u.WatchedSince.Local().Format(time.DateOnly)
	if n := len(u.Watched) - 1; n > 0 {
		text += ", not watched in " + keys.Counted(n, "gap")
	}
	return text
}

// longText writes a duration in days, and a short one in hours, minutes or seconds. What was is
// rounded down, and with up, what is still to come is rounded up.
func longText(d time.Duration, up bool) string {
	unit, name := time.Second, "s"
	switch {
	case d >= 2*oneDay:
		unit, name = oneDay, "days"
	case d >= 2*time.Hour:
		unit, name = time.Hour, "h"
	case d >= 2*time.Minute:
		unit, name = time.Minute, "min"
	}
	if up {
		d += unit - 1
	}
	return fmt.Sprintf("%d %s", d/unit, name)
}

// maxSome is how many names a cell shows.
const maxSome = 3

func someOf(names []string) string {
	shown := make([]string, 0, maxSome)
	for _, name := range names[:min(len(names), maxSome)] {
		shown = append(shown, platform.Escape(name, maxCell))
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - maxSome; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
