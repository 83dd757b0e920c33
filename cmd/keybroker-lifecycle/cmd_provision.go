package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

func newProvisionCommand(a *app, planOnly bool) *cobra.Command {
	c := &carrier{app: a, planOnly: planOnly}
	var restriction plan.Restriction
	var expires string
	cmd := c.flags(&cobra.Command{
		Use:   "provision KEY ACCOUNT@HOST...",
		Short: "Let a key in at accounts on hosts, and prove that the server takes it",
		Long: `Add a line for KEY to the authorized_keys of accounts on hosts, with the least rights
that its purpose needs, and let the server say that it lets the key in.

KEY is a name or fingerprint, or a .pub file. The line begins with "restrict":
` + templateHelp() + `
The change is made over your own ssh, so ssh_config, jump hosts and the broker's
questions hold. Every other line keeps its bytes. A place can also be the address of a
forge that [[forge]] in config.toml names: https://git.example.com.`,
		Example: `  keybroker provision work deploy@web1 --from 10.0.0.0/8 --expires 180d
  keybroker provision ci.pub deploy@web1 --command 'rsync --server . /srv' --dry-run`,
		Args:              atLeast(2),
		ValidArgsFunction: c.completeKeys,
		RunE: c.with(func(cmd *cobra.Command, args []string) error {
			p, err := c.provision(cmd.Context(), args[0], args[1:], restriction, expires)
			if err != nil {
				return err
			}
			return c.carry(cmd, p)
		}),
	})
	cmd.Flags().StringVar(&restriction.From, "from", "", "addresses or networks that the key may come from, with commas")
	cmd.Flags().StringVar(&restriction.Command, "command", "", "the only command that the key may run")
	cmd.Flags().StringVar(&expires, "expires", "", "until when: a date, or for how long (180d)")
	cli.ChoiceFlag(cmd, &restriction.Template, "template", "", "", plan.TemplateNames()...)
	c.completeFlags(cmd)
	return cmd
}

func templateHelp() string {
	text := ""
	for _, t := range plan.Templates {
		text += fmt.Sprintf("  %-10s %s\n", t.Name, t.Help)
	}
	return text
}

// atLeast accepts n arguments and more.
func atLeast(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("%s is missing", strings.TrimSuffix(strings.Fields(cmd.Use)[1+len(args)], "..."))
		}
		return nil
	}
}

func (c *carrier) provision(ctx context.Context, name string, places []string, r plan.Restriction, expires string) (plan.Plan, error) {
	if err := noRestrictions(r, places); err != nil {
		return plan.Plan{}, err
	}
	key, err := c.findNew(ctx, name)
	if err != nil {
		return plan.Plan{}, err
	}
	claim, err := c.mayComeIn(ctx, key)
	if err != nil {
		return plan.Plan{}, err
	}
	if r.Expires, err = until(expires, time.Now()); err != nil {
		return plan.Plan{}, cli.Usage(err)
	}
	if r.Expires.IsZero() {
		r.Expires = claim.Expires
	}
	by, err := requester(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	p := plan.New(plan.Provision, key, by, time.Now())
	p.Claim, p.Comment = claim, comment(key, p)
	if p.Options, err = r.Options(); err != nil {
		return plan.Plan{}, cli.Usage(err)
	}
	p.Places, err = c.placesOf(ctx, key, places)
	return p, err
}

// comment names the key, and the day that a later look can compare with.
func comment(key lifecycle.Key, p plan.Plan) string {
	name := strings.Map(func(r rune) rune {
		if r < '!' || r > '~' || r == '"' {
			return '_'
		}
		return r
	}, plan.Name(key))
	return fmt.Sprintf("%s keybroker:%s:%s", name, p.ID, p.Made.Format(time.DateOnly))
}

// mayComeIn refuses a key that was terminated, that has expired, or of which the machine's
// owner asks to know more. It returns what people say of the key.
func (c *carrier) mayComeIn(ctx context.Context, key lifecycle.Key) (lifecycle.Claim, error) {
	stones, err := c.kept.Tombstones(ctx)
	if err != nil {
		return lifecycle.Claim{}, err
	}
	for _, stone := range stones {
		if stone.Fingerprint == key.Fingerprint && stone.Restored.IsZero() {
			return lifecycle.Claim{}, cli.Refused(problem.New(fmt.Sprintf("the key was terminated on %s by %s (%s)", stone.Terminated.Format(time.DateOnly), platform.Escape(stone.By, 60), stone.Plan),
				"use another key, or take that back: keybroker restore "+stone.Plan))
		}
	}
	claims, err := c.client().Claims(ctx)
	if err != nil && !(errors.Is(err, control.ErrNotRunning) && len(c.config.Lifecycle.Require) == 0) {
		return lifecycle.Claim{}, err
	}
	var said keys.Claim
	if at := slices.IndexFunc(claims, func(cl control.Claim) bool { return cl.Fingerprint == key.Fingerprint }); at >= 0 {
		said = claims[at].Claim
	}
	if missing := said.Missing(c.config.Lifecycle.Require); len(missing) > 0 {
		return lifecycle.Claim{}, cli.Refused(problem.With(fmt.Errorf("the policy asks for the %s of a key before it is provisioned", strings.ReplaceAll(strings.Join(missing, " and the "), "expires", "expiry")),
			"say it: keybroker keys annotate %s --%s", key.Fingerprint, strings.Join(missing, " … --")+" …"))
	}
	if !said.Expires.IsZero() && said.Expires.Before(time.Now()) {
		return lifecycle.Claim{}, cli.Refused(problem.With(fmt.Errorf("the key expired on %s", said.Expires.Format(time.DateOnly)), "use another key, or: keybroker keys annotate %s --expires …", key.Fingerprint))
	}
	return lifecycle.Claim{Fingerprint: key.Fingerprint, Owner: said.Owner, Purpose: said.Purpose, Ticket: said.Ticket, Expires: said.Expires}, nil
}

// until reads a date, or for how long.
func until(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, future(t, now)
		}
	}
	d, err := duration(text)
	if err != nil {
		return time.Time{}, err
	}
	return now.Add(d), nil
}

func future(t, now time.Time) error {
	if t.Before(now) {
		return problem.New(t.Format(time.DateOnly)+" is over", "give a date that is to come")
	}
	return nil
}

// duration reads 90m, 12h and 180d.
func duration(text string) (time.Duration, error) {
	var days int
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if _, err := fmt.Sscanf(number, "%d", &days); err == nil && fmt.Sprint(days) == number && days >= 0 && days < 100_000 {
			return time.Duration(days) * 24 * time.Hour, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, nil
	}
	return 0, problem.With(fmt.Errorf("the time %q is not understood", platform.Escape(text, 40)), "use a date (2027-01-31), or how long: 12h, 180d")
}
