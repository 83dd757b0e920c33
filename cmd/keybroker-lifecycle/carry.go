package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/lifecycle/hosts"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/lifecycle/plan/clientconfig"
	"github.com/keybroker/keybroker/lifecycle/store"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// carrier is what the commands that change hosts share: their flags, and how a plan is
// shown, asked about, carried out and proved.
type carrier struct {
	*app
	dryRun   bool
	yes      bool
	parallel int
	signWith string
	planOnly bool   // keybroker plan: write a file and change nothing
	out      string // planOnly: the file

	kept *store.Store
}

// flags adds the flags that every such command has.
func (c *carrier) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&c.JSON, "json", false, "print JSON with stable field names")
	cmd.Flags().IntVar(&c.parallel, "parallel", hosts.DefaultParallel, "how many hosts at once")
	if c.planOnly {
		cmd.Flags().StringVarP(&c.out, "out", "o", "", "the plan's file (default: its identifier with .json, here)")
		return cmd
	}
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "show what would change, and change nothing")
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do not ask before the first change")
	cmd.Flags().StringVar(&c.signWith, "sign-with", "", "sign the proof with this key of the agent (a name or fingerprint)")
	return cmd
}

// with opens the store around a command.
func (c *carrier) with(do func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		if c.kept, err = c.OpenStore(cmd.Context()); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.kept.Close()) }()
		return do(cmd, args)
	}
}

// client talks to the broker.
func (a *app) client() *control.Client { return control.NewClient(a.config.Paths.ControlSocket) }

// dir is a directory of the user's state.
func (a *app) dir(name string) string {
	return filepath.Join(a.config.Paths.StateDir, "lifecycle", name)
}

func (c *carrier) runner(cmd *cobra.Command) (*plan.Runner, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	doors, err := agentKeys(cmd.Context())
	if err != nil {
		return nil, err
	}
	client := c.client()
	dialer := hosts.Dialer{Batch: !terminal.Interactive(), Backups: c.dir("backups"), Announce: client.AnnounceHosts, ListFirst: client.ListFirst}
	return &plan.Runner{
		Keeper: c.kept, Machine: clientconfig.Machine{Home: home, Backups: c.dir("backups")},
		Reach: plan.OverSSH(dialer, c.parallel), OpenForge: c.openForge, Doors: doors, Now: time.Now, Actor: actor(),
		Record: func(ctx context.Context, step audit.Step) (uint64, string, error) {
			return client.RecordStep(ctx, step)
		},
	}, nil
}

func actor() string {
	machine, user := here()
	return user + "@" + machine
}

// requester is this user, with the keys that cannot approve what this user plans.
func requester(ctx context.Context) (plan.Requester, error) {
	held, err := agentKeys(ctx)
	who := plan.Requester{Actor: actor()}
	for _, key := range held {
		who.Keys = append(who.Keys, key.Fingerprint)
	}
	return who, err
}

// carry shows a new plan, and writes it, or asks and carries it out.
func (c *carrier) carry(cmd *cobra.Command, p plan.Plan) error {
	runner, err := c.runner(cmd)
	if err != nil {
		return err
	}
	if c.planOnly || c.dryRun {
		return c.show(cmd, runner, &p)
	}
	approvals, err := c.approvals()
	if err != nil {
		return err
	}
	if approvals.Need(p.Kind) {
		return cli.Refused(problem.With(fmt.Errorf("the machine's owner asks for %s before keybroker %s", keys.Counted(approvals.Needed, "approval"), p.Kind),
			"write a plan and let it be approved: keybroker plan %s --help", p.Kind))
	}
	if !c.yes {
		if err := c.ask(cmd, runner, &p); err != nil {
			return err
		}
	}
	run, err := runner.Begin(cmd.Context(), p, plan.Approved{})
	if err != nil {
		return err
	}
	return c.proceed(cmd, runner, run)
}

// ask shows what would change, and asks the person.
func (c *carrier) ask(cmd *cobra.Command, runner *plan.Runner, p *plan.Plan) error {
	if !terminal.Interactive() {
		return cli.Usage(problem.New("nobody can be asked here", "look with --dry-run, then give --yes"))
	}
	if err := runner.Preview(cmd.Context(), p); err != nil {
		return err
	}
	printPlan(cmd.ErrOrStderr(), p)
	yes, err := terminal.Confirm(cmd.Context(), "Apply?")
	if err == nil && !yes {
		err = cli.Refused(errors.New("nothing was changed"))
	}
	return err
}

// show previews a plan, and prints it or writes its file.
func (c *carrier) show(cmd *cobra.Command, runner *plan.Runner, p *plan.Plan) error {
	if err := runner.Preview(cmd.Context(), p); err != nil {
		return err
	}
	if c.planOnly {
		return c.writePlan(cmd, *p)
	}
	if !c.JSON {
		printPlan(cmd.OutOrStdout(), p)
	} else if err := cli.WriteJSON(cmd.OutOrStdout(), p); err != nil {
		return err
	}
	if slices.ContainsFunc(p.Places, func(place plan.Place) bool { return place.Why != "" }) {
		return cli.ExitStatus(cli.ExitFailed)
	}
	return nil
}

// proceed takes the steps that can be taken, says how each stands, and writes the proof.
func (c *carrier) proceed(cmd *cobra.Command, runner *plan.Runner, run *plan.Run) error {
	if !c.JSON {
		fmt.Fprintf(cmd.OutOrStdout(), "plan %s: %s\n", run.Plan.ID, describe(&run.Plan))
		runner.Event = func(_ *plan.Plan, step plan.Step) {
			fmt.Fprintln(cmd.OutOrStdout(), " ", platform.Escape(run.Say(step), maxStep))
			if step.Remedy != "" {
				fmt.Fprintln(cmd.OutOrStdout(), "    →", platform.Escape(step.Remedy, maxStep))
			}
		}
	}
	err := runner.Continue(cmd.Context(), run)
	line, e := c.signingLine(cmd.Context())
	if e != nil {
		return errors.Join(err, e)
	}
	path, e := run.Proof(time.Now()).Write(context.WithoutCancel(cmd.Context()), c.dir("proofs"), line)
	if err = errors.Join(err, e); err != nil {
		return err
	}
	if err := c.summary(cmd, runner, run, path); err != nil {
		return err
	}
	if open, _ := unfinished(run, time.Now()); open > 0 {
		return cli.ExitStatus(cli.ExitFailed)
	}
	return nil
}

// maxStep bounds a line about a step, in characters.
const maxStep = 2000

// signingLine is the public half of --sign-with.
func (c *carrier) signingLine(ctx context.Context) (string, error) {
	if c.signWith == "" {
		return "", nil
	}
	key, err := c.findKey(ctx, c.signWith)
	return plan.Line(key), err
}

// unfinished counts the steps that failed or wait for something, and returns when the
// first quarantine ends.
func unfinished(run *plan.Run, now time.Time) (open int, due time.Time) {
	for i := range run.Steps {
		step := &run.Steps[i]
		at := run.Due(step)
		if step.State == plan.Waiting && now.Before(at) && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	return len(run.Open(now)), due
}

func (c *carrier) summary(cmd *cobra.Command, runner *plan.Runner, run *plan.Run, proof string) error {
	unrecorded := ""
	if err := runner.Unrecorded(); err != nil {
		unrecorded = platform.Text(err)
		fmt.Fprintln(cmd.ErrOrStderr(), "keybroker: not every step is in the audit log:", unrecorded)
	}
	open, due := unfinished(run, time.Now())
	if c.JSON {
		return cli.WriteJSON(cmd.OutOrStdout(), struct {
			*plan.Run
			Open       int       `json:"open"`
			Due        time.Time `json:"due,omitzero"` // when the first quarantine ends
			Proof      string    `json:"proof"`
			Unrecorded string    `json:"unrecorded,omitempty"`
		}{run, open, due, proof, unrecorded})
	}
	out := cmd.OutOrStdout()
	if open > 0 {
		fmt.Fprintf(out, "%s not done. Go on with: keybroker apply --resume %s\n", keys.Counted(open, "step"), run.Plan.ID)
	}
	if !due.IsZero() {
		fmt.Fprintf(out, "The quarantine ends on %s. Until then: keybroker restore %s; afterwards: keybroker apply --resume %s\n", due.Format(time.DateOnly), run.Plan.ID, run.Plan.ID)
	}
	fmt.Fprintf(out, "proof: %s\n", proof)
	return nil
}

// resume goes on with a plan of the store.
func (c *carrier) resume(cmd *cobra.Command, id string) error {
	run, err := c.load(cmd.Context(), id)
	if err != nil {
		return err
	}
	if err := c.notTakenBack(cmd.Context(), id); err != nil {
		return err
	}
	if err := c.mayGoOn(cmd, run); err != nil {
		return err
	}
	runner, err := c.runner(cmd)
	if err != nil {
		return err
	}
	return c.proceed(cmd, runner, run)
}

// notTakenBack refuses a plan that was taken back: it would close again what is restored.
func (c *carrier) notTakenBack(ctx context.Context, id string) error {
	runs, _ := runsOf(ctx, c.kept) // another plan that cannot be read does not keep a key in
	if by := plan.TakenBack(runs)[id]; by != "" {
		return cli.Refused(problem.New(fmt.Sprintf("%s has taken the plan %s back", by, id), "make a new plan if it is needed again"))
	}
	return nil
}

// mayGoOn checks again what was checked when the plan was begun: approvers and claims
// change.
func (c *carrier) mayGoOn(cmd *cobra.Command, run *plan.Run) error {
	wanted, err := c.approvals()
	if err != nil || !wanted.Need(run.Plan.Kind) {
		return err
	}
	own, err := requester(cmd.Context())
	if err != nil {
		return err
	}
	if err := wanted.CheckAgain(cmd.Context(), run, own); err != nil {
		return cli.Refused(err)
	}
	return nil
}

func (c *carrier) load(ctx context.Context, id string) (*plan.Run, error) {
	run, err := plan.Load(ctx, c.kept, id)
	if errors.Is(err, store.ErrNone) {
		return nil, problem.With(fmt.Errorf("there is no plan %s", platform.Escape(id, 40)), "see them: keybroker plan list")
	}
	return run, err
}

// describe says in a few words what a plan does.
func describe(p *plan.Plan) string {
	name := platform.Escape(plan.Name(p.Key), 60)
	switch {
	case p.Kind == plan.Rotate:
		return fmt.Sprintf("rotate %s to %s, %s", name, platform.Escape(plan.Name(*p.New), 60), keys.Counted(len(p.Places), "place"))
	case p.Kind == plan.Restore:
		return fmt.Sprintf("take %s back, %s", p.Of, keys.Counted(len(p.Places), "place"))
	case p.Now:
		return fmt.Sprintf("%s %s at once, %s", p.Kind, name, keys.Counted(len(p.Places), "place"))
	}
	return fmt.Sprintf("%s %s, %s", p.Kind, name, keys.Counted(len(p.Places), "place"))
}
