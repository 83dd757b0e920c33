package main

import (
	"context"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// going is the flags of rotate and terminate.
type going struct {
	to, resume, back string
	keep             string
	now, keepConfig  bool
}

func newRotateCommand(a *app, planOnly bool) *cobra.Command {
	c := &carrier{app: a, planOnly: planOnly}
	var g going
	cmd := c.flags(&cobra.Command{
		Use:   "rotate KEY [ACCOUNT@HOST...] --to KEY",
		Short: "Put another key in a key's place everywhere, each step proved",
		Long: `Put another key in a key's place: at the places named, or wherever the last inventory
saw it and at every forge of yours that lists it ([[forge]] in config.toml). At each
place, in this order:

  1. the new key gets a line with the options of the old one
  2. the server lets the new key in
  3. ssh_config names the new key, if it named the old one for that host alone
  4. the old lines are commented out, for 30 days
  5. afterwards they go, and the server refuses the old key

At a forge the new key is added, and then the old one deleted at once. In the end git
signs with the new key if it signed with the old one. Where a step fails, the old key
stays. Go on later with --resume; take everything back with --back.`,
		Example: `  keybroker rotate id_rsa --to work --dry-run
  keybroker rotate laptop https://git.example.com --to work
  keybroker rotate --resume r-k3v9q2
  keybroker rotate --back r-k3v9q2`,
		Args:              g.args(c, 1),
		ValidArgsFunction: c.completeKeys,
		RunE: c.with(func(cmd *cobra.Command, args []string) error {
			if id := g.resume; id != "" {
				return c.resume(cmd, id)
			}
			if id := g.back; id != "" {
				return c.takeBack(cmd, id)
			}
			if g.to == "" {
				return cli.Usage(problem.New("--to is missing", "name the new key: --to KEY"))
			}
			p, err := c.rotate(cmd.Context(), args[0], args[1:], g)
			if err != nil {
				return err
			}
			return c.carry(cmd, p)
		}),
	})
	cmd.Flags().StringVar(&g.to, "to", "", "the new key: a name, a fingerprint or a .pub file")
	cmd.Flags().StringVar(&g.keep, "keep", "30d", "how long the old lines stay commented out; 0d: they go at once")
	cmd.Flags().BoolVar(&g.keepConfig, "keep-config", false, "leave ssh_config and git of this machine as they are")
	if !planOnly {
		cmd.Flags().StringVar(&g.resume, "resume", "", "go on with a plan")
		cmd.Flags().StringVar(&g.back, "back", "", "take a plan back: the old key in, the new one out")
		cmd.MarkFlagsMutuallyExclusive("resume", "back", "to")
	}
	c.completeFlags(cmd)
	return cmd
}

// args asks for n arguments, and for none with --resume or --back.
func (g *going) args(_ *carrier, n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if g.resume != "" || g.back != "" {
			return cli.AtMost(0)(cmd, args)
		}
		return atLeast(n)(cmd, args)
	}
}

func (c *carrier) rotate(ctx context.Context, name string, places []string, g going) (plan.Plan, error) {
	p, err := c.goes(ctx, plan.Rotate, name, places, g)
	if err != nil {
		return p, err
	}
	to, err := c.findNew(ctx, g.to)
	if err != nil {
		return p, err
	}
	if to.Fingerprint == p.Key.Fingerprint {
		return p, cli.Usage(problem.New("both are the same key", "name another one: --to KEY"))
	}
	if p.Claim, err = c.mayComeIn(ctx, to); err != nil {
		return p, err
	}
	p.New, p.Comment, p.KeepConfig = &to, comment(to, p), g.keepConfig
	return p, nil
}

// goes is a plan by which a key goes.
func (c *carrier) goes(ctx context.Context, kind plan.Kind, name string, places []string, g going) (plan.Plan, error) {
	key, err := c.findKey(ctx, name)
	if err != nil {
		return plan.Plan{}, err
	}
	keep, err := duration(g.keep)
	if err != nil {
		return plan.Plan{}, cli.Usage(err)
	}
	at, err := c.placesOf(ctx, key, places)
	if err != nil {
		return plan.Plan{}, err
	}
	by, err := requester(ctx)
	p := plan.New(kind, key, by, time.Now())
	p.Places, p.Keep, p.Now, p.Everywhere = at, keep.String(), g.now, len(places) == 0
	return p, err
}

// takeBack takes back what a plan did.
func (c *carrier) takeBack(cmd *cobra.Command, id string) error {
	p, err := c.backPlan(cmd.Context(), id)
	if err != nil {
		return err
	}
	return c.carry(cmd, p)
}

func (c *carrier) backPlan(ctx context.Context, id string) (plan.Plan, error) {
	run, err := c.load(ctx, id)
	if err != nil {
		return plan.Plan{}, err
	}
	of := run.Plan
	if of.Kind != plan.Rotate && of.Kind != plan.Terminate {
		return plan.Plan{}, cli.Usage(problem.With(fmt.Errorf("%s is a plan to %s, which is not taken back", id, of.Kind), "to take a key away: keybroker terminate"))
	}
	by, err := requester(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	p := plan.New(plan.Restore, of.Key, by, time.Now())
	p.Of, p.OfKind, p.New, p.KeepConfig = of.ID, of.Kind, of.New, of.KeepConfig
	gone := 0
	for at, place := range of.Places {
		switch run.Began(at) {
		case plan.NotTouched:
		case plan.GoneForGood:
			gone++
		default:
			p.Places = append(p.Places, plan.Place{Target: place.Target, Host: place.Host, Account: place.Account, Forge: place.Forge})
		}
	}
	if len(p.Places) == 0 {
		if gone > 0 {
			return p, problem.With(fmt.Errorf("the lines of %s are gone for good", id), "bring the key in anew: keybroker provision")
		}
		return p, problem.New("the plan "+id+" has changed nothing that could be taken back", "see it: keybroker plan list")
	}
	return p, nil
}
