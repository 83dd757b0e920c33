package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// clearAll is the value of --clear for everything.
const clearAll = "all"

// annotateFlags are what keys annotate changes.
type annotateFlags struct {
	owner, purpose, ticket, expires string
	clear                           []string
}

func newKeysAnnotateCommand(a *app) *cobra.Command {
	var flags annotateFlags
	cmd := a.TableFlags(&cobra.Command{
		Use:   "annotate KEY",
		Short: "Say whose a key is, what for, and until when it may be used",
		Long: `Say whose a key is, what for, until when it may be used, and by which ticket. Without
flags, show what is said of it. "keybroker keys list --wide" shows it of all keys.

From the time of --expires on, the broker refuses the key. To let a key be used longer
than you once said, the broker asks you. Each change is in the audit log. What is said
of a key stays on this machine: no server learns of it.`,
		Args:              cli.ExactArgs(1),
		ValidArgsFunction: completeFrom(a.keyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := flags.change(time.Now())
			if err != nil {
				return err
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			if _, err := client.Claims(cmd.Context()); err != nil { // before a vault is opened for nothing
				return notRunning(err)
			}
			key, err := a.annotated(cmd, args[0], change)
			if err != nil {
				return err
			}
			change.Fingerprint = key.Fingerprint
			claim, err := client.Annotate(cmd.Context(), change)
			if err != nil {
				return notRunning(err)
			}
			return a.Print(cmd, claim, func(w *cli.Table) { printClaim(w, key, claim.Claim) })
		},
	})
	cmd.Flags().StringVar(&flags.owner, "owner", "", "whose the key is: a name, an address")
	cmd.Flags().StringVar(&flags.purpose, "purpose", "", "what the key is for")
	cmd.Flags().StringVar(&flags.expires, "expires", "", "until when it may be used: 180d, 12h, 2027-05-20 (to the end of that day), \"2027-05-20 15:04\"")
	cmd.Flags().StringVar(&flags.ticket, "ticket", "", "the ticket by which it was made or approved")
	cli.ChoicesFlag(cmd, &flags.clear, "clear", "take back: owner, purpose, expires, ticket or all", append(keys.ClaimFields[:len(keys.ClaimFields):len(keys.ClaimFields)], clearAll)...)
	return cmd
}

// annotated finds the key. To take back what is said of a key that is gone, its fingerprint
// is enough.
func (a *app) annotated(cmd *cobra.Command, text string, change control.Annotation) (control.Key, error) {
	key, err := a.keyList().FindAlsoByComment(cmd.Context(), text)
	if err != nil && change.Apply(keys.Claim{Owner: "?", Purpose: "?", Ticket: "?", Expires: time.Now()}).IsZero() && strings.HasPrefix(text, "SHA256:") {
		return control.Key{Fingerprint: text}, nil
	}
	return key, err
}

// change is what the flags ask for.
func (f annotateFlags) change(now time.Time) (control.Annotation, error) {
	var change control.Annotation
	for _, flag := range []struct {
		name, value string
		field       **string
	}{{"owner", f.owner, &change.Owner}, {"purpose", f.purpose, &change.Purpose}, {"ticket", f.ticket, &change.Ticket}} {
		if flag.value != "" {
			*flag.field = &flag.value
		}
	}
	if f.expires != "" {
		expires, err := parseExpiry(f.expires, now)
		if err != nil {
			return change, err
		}
		change.Expires = &expires
	}
	for _, field := range f.clear {
		if err := clearField(&change, field); err != nil {
			return change, err
		}
	}
	return change, nil
}

// clearField takes one field back, or all that are not set at the same time.
func clearField(change *control.Annotation, field string) error {
	var none string
	var never time.Time
	texts := map[string]**string{"owner": &change.Owner, "purpose": &change.Purpose, "ticket": &change.Ticket}
	for _, name := range keys.ClaimFields {
		if field != name && field != clearAll {
			continue
		}
		text, isText := texts[name]
		set := isText && *text != nil || !isText && change.Expires != nil
		switch {
		case set && field == name:
			return cli.Usage(problem.With(fmt.Errorf("--clear %s contradicts --%s", name, name), "give one of the two"))
		case set:
		case isText:
			*text = &none
		default:
			change.Expires = &never
		}
	}
	return nil
}

// parseExpiry reads how far away a time is, a date, or a date with time. A date counts to
// its end.
func parseExpiry(text string, now time.Time) (time.Time, error) {
	expires, err := expiryTime(text, now)
	if err != nil {
		return expires, cli.Usage(problem.With(fmt.Errorf("the time %q is not understood", text), `use how far away it is (180d, 12h), a date (2027-05-20), or a date with time ("2027-05-20 15:04")`))
	}
	if expires.Before(now) {
		return expires, cli.Usage(problem.With(fmt.Errorf("%s is over", text), "give a time to come; to let the key be used no more from now on: --expires 0d"))
	}
	return expires, nil
}

func expiryTime(text string, now time.Time) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return now.AddDate(0, 0, int(n)), err
	}
	d, err := time.ParseDuration(text)
	return now.Add(d), err
}

func printClaim(w *cli.Table, key control.Key, claim keys.Claim) {
	w.Row("key", key.Name)
	w.Row("fingerprint", key.Fingerprint)
	w.Row("owner", claim.Owner)
	w.Row("purpose", claim.Purpose)
	w.Row("expires", expiryText(time.Now(), claim))
	w.Row("ticket", claim.Ticket)
}

// expiryText is until when a key may be used.
func expiryText(now time.Time, claim keys.Claim) string {
	switch {
	case claim.Expires.IsZero():
		return ""
	case claim.HasExpired(now):
		return keys.ClaimTime(claim.Expires) + ", expired"
	}
	return keys.ClaimTime(claim.Expires) + ", " + keys.In(claim.Expires.Sub(now))
}
