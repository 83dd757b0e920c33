package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/lifecycle/store"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

func newPlanCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Write a change of keys on hosts into a file, for others to approve",
		Long: `Write what provision, rotate, terminate or restore would do into a file, and change
nothing. Another person approves it with a signature, and "keybroker apply" carries
it out. The machine's owner says which changes need that: [lifecycle] in policy.toml.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newProvisionCommand(a, true), newRotateCommand(a, true), newTerminateCommand(a, true), newRestoreCommand(a, true), newPlanListCommand(a))
	return cmd
}

// planRow is a plan in the list.
type planRow struct {
	ID     string    `json:"id"`
	Made   time.Time `json:"made"`
	Kind   plan.Kind `json:"kind"`
	Key    string    `json:"key"`
	Places int       `json:"places"`
	Done   int       `json:"done"`
	Steps  int       `json:"steps"`
	Open   int       `json:"open"`
	Due    time.Time `json:"due,omitzero"`

	TakenBack string `json:"taken_back,omitempty"` // the plan that took it back

	what string // in words
}

// next is what a person can do with the plan.
func (row planRow) next() string {
	switch {
	case row.TakenBack != "":
		return "nothing: " + row.TakenBack + " has taken it back"
	case row.Open > 0:
		return "keybroker apply --resume " + row.ID
	case !row.Due.IsZero():
		return "the quarantine ends on " + row.Due.Format(time.DateOnly)
	}
	return "nothing: it is finished"
}

func newPlanListCommand(a *app) *cobra.Command {
	c := &carrier{app: a}
	return c.TableFlags(&cobra.Command{
		Use:   "list",
		Short: "List the plans that were begun, and how far each is",
		Args:  cobra.NoArgs,
		RunE: c.with(func(cmd *cobra.Command, _ []string) error {
			runs, err := runsOf(cmd.Context(), c.kept)
			if err != nil {
				return err
			}
			var rows []planRow
			back := plan.TakenBack(runs)
			for _, run := range runs {
				row := rowOf(run)
				row.TakenBack = back[run.Plan.ID]
				rows = append(rows, row)
			}
			return c.PrintList(cmd, rows, len(rows), "No plan was begun.", func(w *cli.Table) {
				w.Head("PLAN", "MADE", "WHAT", "STEPS DONE", "NEXT")
				for _, row := range rows {
					w.Row(row.ID, row.Made.Local().Format("2006-01-02 15:04"), row.what, fmt.Sprintf("%d of %d", row.Done, row.Steps), row.next())
				}
			})
		}),
	})
}

// runsOf are all plans of the store that can be read, with an error for the others.
func runsOf(ctx context.Context, kept *store.Store) (runs []*plan.Run, err error) {
	all, err := kept.Plans(ctx)
	for _, saved := range all {
		run, e := plan.Load(ctx, kept, saved.ID)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		runs = append(runs, run)
	}
	return runs, err
}

func rowOf(run *plan.Run) planRow {
	row := planRow{ID: run.Plan.ID, Made: run.Plan.Made, Kind: run.Plan.Kind, Key: platform.Escape(plan.Name(run.Plan.Key), 60), Places: len(run.Plan.Places), Steps: len(run.Steps), what: describe(&run.Plan)}
	row.Open, row.Due = unfinished(run, time.Now())
	for _, step := range run.Steps {
		if step.State == plan.Done {
			row.Done++
		}
	}
	return row
}

func newApplyCommand(a *app) *cobra.Command {
	c := &carrier{app: a}
	var approvals []string
	var resume string
	cmd := c.flags(&cobra.Command{
		Use:   "apply FILE",
		Short: "Carry out a plan file that has the approvals it needs, or go on with a plan",
		Long: `Carry out a plan that "keybroker plan" wrote. If the machine's owner asks for approvals,
each is a signature of the file by another person's key:

  ssh-keygen -Y sign -n ` + plan.PlanNamespace + ` -f KEY FILE

Approvals are read from FILE.sig and FILE.*.sig, and from --approval. A plan that was
changed afterwards, has expired or was applied already is refused, and where approvals
are asked for also one that another account or machine made.`,
		Example: `  keybroker apply p-k3v9q2.json
  keybroker apply --resume r-k3v9q2`,
		Args: func(cmd *cobra.Command, args []string) error {
			if resume != "" {
				return cli.AtMost(0)(cmd, args)
			}
			return cli.ExactArgs(1)(cmd, args)
		},
		RunE: c.with(func(cmd *cobra.Command, args []string) error {
			if resume != "" {
				return c.resume(cmd, resume)
			}
			return c.apply(cmd, args[0], approvals)
		}),
	})
	cmd.Flags().StringArrayVar(&approvals, "approval", nil, "a file with a signature of the plan; may be given several times")
	cmd.Flags().StringVar(&resume, "resume", "", "go on with a plan that was begun")
	c.completeFlags(cmd)
	return cmd
}

// apply carries out a plan file.
func (c *carrier) apply(cmd *cobra.Command, path string, signatures []string) error {
	p, data, sum, err := plan.ReadFile(path)
	if err != nil {
		return err
	}
	wanted, err := c.approvals()
	if err != nil {
		return err
	}
	signed, err := c.readApprovals(path, signatures)
	if err != nil {
		return err
	}
	own, err := requester(cmd.Context())
	if err != nil {
		return err
	}
	by, err := wanted.Check(cmd.Context(), &p, data, own, signed)
	if err != nil {
		return cli.Refused(err)
	}
	if err := c.stillFits(cmd, &p); err != nil {
		return err
	}
	if err := c.notInLog(cmd.Context(), &p); err != nil {
		return err
	}
	if _, made, _ := strings.Cut(p.By.Actor, "@"); made != machineName() && !strings.Contains(c.storeAt, "://") {
		fmt.Fprintf(cmd.ErrOrStderr(), "the plan was made on %s: if it was applied there, this machine does not know\n", platform.Escape(made, 100))
	}
	for _, s := range by {
		fmt.Fprintf(cmd.ErrOrStderr(), "approved by %s (%s)\n", platform.Escape(s.Principal, 100), s.Fingerprint)
	}
	runner, err := c.runner(cmd)
	if err != nil {
		return err
	}
	if c.dryRun {
		return c.show(cmd, runner, &p)
	}
	if !c.yes {
		printPlan(cmd.ErrOrStderr(), &p)
		now := p // shows the hosts as they are; p stays what was approved
		now.Places = slices.Clone(p.Places)
		if err := c.ask(cmd, runner, &now); err != nil {
			return err
		}
	}
	run, err := runner.Begin(cmd.Context(), p, plan.Approved{SHA256: sum, File: data, Approvals: signed})
	if err != nil {
		return cli.Refused(err)
	}
	return c.proceed(cmd, runner, run)
}

// notInLog refuses a plan whose steps are in the audit log and not in this store: another
// store has carried it out.
func (c *carrier) notInLog(ctx context.Context, p *plan.Plan) error {
	if _, err := c.kept.Plan(ctx, p.ID); err == nil { // Begin says how far it is
		return nil
	}
	for record, err := range audit.Read(c.config.AuditDir(), audit.Filter{Since: p.Made, Ops: []keys.Op{keys.OpLifecycle}}) {
		if err != nil {
			return err
		}
		if record.Step != nil && record.Step.Plan == p.ID {
			return cli.Refused(problem.New(fmt.Sprintf("the plan %s was applied already: record %d of the audit log", p.ID, record.Seq),
				"give the store that has it (--store), or make a new plan"))
		}
	}
	return nil
}

// stillFits checks again what may have changed since the plan was made.
func (c *carrier) stillFits(cmd *cobra.Command, p *plan.Plan) error {
	var err error
	switch p.Kind {
	case plan.Provision:
		_, err = c.mayComeIn(cmd.Context(), p.Key)
	case plan.Rotate:
		_, err = c.mayComeIn(cmd.Context(), *p.New)
	case plan.Restore:
		_, err = c.load(cmd.Context(), p.Of)
	}
	return err
}

// maxSignature bounds a file with a signature, in bytes.
const maxSignature = 64 << 10

// readApprovals reads the signatures beside the plan and those that were named.
func (c *carrier) readApprovals(path string, named []string) ([]plan.Approval, error) {
	beside, err := filepath.Glob(escapeGlob(path) + "*.sig")
	if err != nil {
		return nil, err
	}
	all := slices.Concat(beside, named)
	slices.Sort(all)
	var list []plan.Approval
	for _, file := range slices.Compact(all) {
		data, err := platform.ReadRegular(file, maxSignature)
		if err != nil {
			return nil, err
		}
		list = append(list, plan.Approval{Name: filepath.Base(file), Armoured: data})
	}
	return list, nil
}

// escapeGlob makes a path a pattern that matches it alone.
func escapeGlob(path string) string {
	var b []rune
	for _, r := range path {
		if slices.Contains([]rune(`*?[\`), r) && filepath.Separator == '/' {
			b = append(b, '\\')
		}
		b = append(b, r)
	}
	return string(b)
}

// asked is how many approvals [lifecycle] asks for, and for what.
func (a *app) asked() plan.Approvals {
	wanted := plan.Approvals{Needed: a.config.Lifecycle.Approvals, Elsewhere: a.config.Lifecycle.Elsewhere}
	for _, kind := range a.config.Lifecycle.Approve {
		wanted.Kinds = append(wanted.Kinds, plan.Kind(kind))
	}
	return wanted
}

// approvals is what [lifecycle] asks for, with who may give them.
func (c *carrier) approvals() (plan.Approvals, error) {
	l, wanted := c.config.Lifecycle, c.asked()
	if wanted.Needed == 0 {
		return wanted, nil
	}
	if l.Approvers == "" {
		return wanted, problem.New("[lifecycle] asks for approvals and names no approvers", `add the file of allowed signers: approvers = "/etc/keybroker/approvers"`)
	}
	var err error
	wanted.Signers, err = c.config.ReadApprovers()
	return wanted, err
}
