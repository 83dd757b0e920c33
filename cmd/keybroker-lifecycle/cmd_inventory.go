package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/inventory"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/lifecycle/store"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// Exit codes of an inventory, for what watches it.
const (
	exitFindings = 1
	exitNotTaken = 2
)

// taking holds the flags of `inventory`.
type taking struct {
	hosts, hostsFrom, directories []string
	parallel                      int
	unused, maxAge                string
	since, compare, severity      string
	csv, quiet, all, resume       bool
}

func newInventoryCommand(a *app) *cobra.Command {
	t := taking{severity: lifecycle.Warning.String()}
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "Find your keys, where they lie, where they open doors, and what is wrong with that",
		Long: `Find every key of yours: in the broker and on cards, in ~/.ssh and where
ssh_config and git point, and who is let in to this account. With --host or
--hosts-from, log in to those hosts and read which keys open which accounts there.

Nothing is changed, and no passphrase is asked for. Hosts are read with the
system's ssh, so your ssh_config holds, and the broker can be answered for all
hosts of the run at once.

Each finding has the row of docs/lifecycle.md and, where there is one, the
command that cures it. What could not be looked at is listed apart.

The exit code is 0 without findings, 1 with findings of the severity warning or
more (--severity), 2 if something that you named could not be read.`,
		Example: `  keybroker inventory
  keybroker inventory --host web1 --host deploy@web2
  keybroker inventory --hosts-from known_hosts --parallel 50
  keybroker inventory --hosts-from log --since last --quiet    # for a timer
  keybroker inventory --hosts-from inventory.ini --json > today.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.takeInventory(cmd, &t) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&t.hosts, "host", nil, "a host to read: HOST, USER@HOST or ssh://USER@HOST:PORT; may be repeated")
	flags.StringArrayVar(&t.hostsFrom, "hosts-from", nil, `"known_hosts", "log" (hosts in the audit log), or a FILE: names, an inventory of ansible, Host lines; may be repeated`)
	flags.StringArrayVar(&t.directories, "directory", nil, "a directory to search for key files, besides ~/.ssh; may be repeated")
	flags.IntVar(&t.parallel, "parallel", inventory.DefaultParallel, "how many hosts are read at once")
	flags.BoolVar(&t.resume, "resume", false, "go on with the run that was interrupted")
	flags.StringVar(&t.unused, "unused", "90d", "how long a door is watched without a use to be called unused")
	flags.StringVar(&t.maxAge, "max-age", "365d", "the age of an authorisation after which it is named")
	flags.StringVar(&t.since, "since", "", `what appeared and what is gone since an inventory of the store: "last", or the last before a date (2026-11-27)`)
	flags.StringVar(&t.compare, "compare", "", "the same since an inventory that --json wrote to this file")
	cli.ChoiceFlag(cmd, &t.severity, "severity", "", "the least severity that counts for the exit code: info, warning or serious", lifecycle.Info.String(), lifecycle.Warning.String(), lifecycle.Serious.String())
	flags.BoolVar(&t.csv, "csv", false, "print CSV: a row for each key of the broker, authorisation and private key file")
	flags.BoolVarP(&t.quiet, "quiet", "q", false, "print only findings that count for the exit code, and nothing without")
	flags.BoolVar(&t.all, "all", false, "show every finding, remarks too")
	a.TableFlags(cmd)
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	cmd.MarkFlagsMutuallyExclusive("since", "compare")
	return cmd
}

func (a *app) takeInventory(cmd *cobra.Command, t *taking) error {
	ctx := cmd.Context()
	db, err := a.OpenStore(ctx)
	if err != nil {
		return notTaken(err)
	}
	defer db.Close()
	before, err := t.before(ctx, db)
	if err != nil {
		return notTaken(err)
	}
	options, err := a.inventoryOptions(ctx, t, db)
	if err != nil {
		return notTaken(err)
	}
	inv, err := a.readAll(ctx, t, options)
	if err != nil {
		return err
	}
	result := taken{Inventory: inv}
	runs, err := runsOf(ctx, db)
	if err != nil {
		result.Unseen = append(result.Unseen, lifecycle.Unseen{What: "plans", Why: platform.Text(err)})
	}
	result.Findings = append(result.Findings, plan.Findings(runs, inv.Places, a.asked(), inv.Taken)...)
	if before != nil {
		difference := inventory.Compare(before, &inv)
		result.Difference = &difference
		result.Findings = append(result.Findings, difference.Changes(before)...)
	}
	inventory.Sort(result.Findings)
	if err := db.SaveInventory(ctx, result.Inventory); err != nil {
		return notTaken(fmt.Errorf("the inventory was taken, but not kept: %w", err))
	}
	if err := t.show(cmd, a, &result); err != nil {
		return err
	}
	return t.status(&result)
}

// readAll takes the inventory. What was read of hosts before an interruption is kept
// for --resume.
func (a *app) readAll(ctx context.Context, t *taking, options inventory.Options) (lifecycle.Inventory, error) {
	if len(options.Remote.Targets) == 0 && !t.resume {
		return inventory.Take(ctx, options)
	}
	run, err := t.run(a.config.Paths.StateDir, options.Remote.Targets)
	if err != nil {
		return lifecycle.Inventory{}, notTaken(err)
	}
	bar := newProgress(len(run.Targets))
	read := len(run.Have)
	options.Remote.Targets, options.Remote.Have = run.Targets, run.Have
	options.Remote.Progress = bar.step
	options.Remote.Keep = func(result inventory.HostResult) {
		read++
		run.Keep(result)
	}
	inv, err := inventory.Take(ctx, options)
	bar.end()
	if err != nil {
		fmt.Fprintf(os.Stderr, "keybroker: %d of %d hosts were read\ngo on with: keybroker inventory --resume\n", read, len(run.Targets))
		if left := run.Leave(); left != nil || !errors.Is(err, context.Canceled) {
			return inv, errors.Join(err, left)
		}
		return inv, cli.ExitStatus(cli.ExitInterrupted)
	}
	return inv, run.End()
}

// run begins a run, or goes on with the interrupted one.
func (t *taking) run(dir string, targets []string) (*inventory.Run, error) {
	if !t.resume {
		return inventory.BeginRun(dir, targets)
	}
	if len(targets) > 0 {
		return nil, cli.Usage(problem.New("--resume goes on with the hosts of the interrupted run", "leave out --host and --hosts-from"))
	}
	return inventory.ResumeRun(dir)
}

// taken is what --json prints.
type taken struct {
	lifecycle.Inventory
	Difference *inventory.Difference `json:"difference,omitempty"`
}

// status is the exit code: what could not be looked at counts more than findings.
func (t *taking) status(result *taken) error {
	if inventory.NotReached(&result.Inventory) > 0 {
		return cli.ExitStatus(exitNotTaken)
	}
	if len(t.counting(result.Findings)) > 0 {
		return cli.ExitStatus(exitFindings)
	}
	return nil
}

// counting are the findings that count for the exit code.
func (t *taking) counting(findings []lifecycle.Finding) []lifecycle.Finding {
	var least lifecycle.Severity
	_ = least.UnmarshalText([]byte(t.severity)) // the flag takes only known ones
	return slices.DeleteFunc(slices.Clone(findings), func(f lifecycle.Finding) bool { return f.Severity < least })
}

func (a *app) inventoryOptions(ctx context.Context, t *taking, db *store.Store) (o inventory.Options, err error) {
	o.Broker = control.NewClient(a.config.Paths.ControlSocket)
	o.AuditDir = a.config.AuditDir()
	o.Directories = t.directories
	if o.Home, err = os.UserHomeDir(); err != nil {
		return o, err
	}
	if o.Remote.Targets, err = t.targets(o.Home, o.AuditDir); err != nil {
		return o, err
	}
	if t.parallel < 1 {
		return o, cli.Usage(problem.New("--parallel cannot be below 1", "leave it out, or give how many hosts are read at once: --parallel 20"))
	}
	o.Remote.Parallel = t.parallel
	o.Remote.Dialer.Batch = len(o.Remote.Targets) > 1 || !terminal.Interactive()
	o.Remote.Dialer.Announce = control.NewClient(a.config.Paths.ControlSocket).AnnounceHosts
	if o.Criteria.Unused, err = parseDays(t.unused); err != nil {
		return o, cli.Usage(problem.With(fmt.Errorf("--unused: %w", err), "give days: --unused 90d"))
	}
	if o.Criteria.MaxAge, err = parseDays(t.maxAge); err != nil {
		return o, cli.Usage(problem.With(fmt.Errorf("--max-age: %w", err), "give days: --max-age 365d"))
	}
	machine, user := here()
	earlier, err := db.Inventories(ctx, machine, user)
	if err != nil {
		return o, err
	}
	if len(earlier) > 0 {
		o.Criteria.Previous = earlier[0].Taken
	}
	o.Criteria.Tombstones, err = db.Tombstones(ctx)
	return o, err
}

// targets are the hosts of --host and --hosts-from, each once.
func (t *taking) targets(home, auditDir string) ([]string, error) {
	list := slices.Clone(t.hosts)
	for _, from := range t.hostsFrom {
		var more []string
		var err error
		switch from {
		case "log":
			more, err = inventory.LogTargets(auditDir)
		case "known_hosts":
			more, err = inventory.ReadTargets(home + "/.ssh/known_hosts")
		default:
			more, err = inventory.ReadTargets(from)
		}
		if err != nil {
			return nil, fmt.Errorf("--hosts-from: %w", err)
		}
		list = append(list, more...)
	}
	return inventory.CheckTargets(list)
}

// before is the inventory to compare with; nil: none was asked for, or there is none yet.
func (t *taking) before(ctx context.Context, db *store.Store) (*lifecycle.Inventory, error) {
	switch {
	case t.compare != "":
		inv, err := readInventory(t.compare)
		return &inv, err
	case t.since == "":
		return nil, nil
	}
	limit := time.Now()
	if t.since != "last" {
		var err error
		if limit, err = time.ParseInLocation(time.DateOnly, t.since, time.Local); err != nil {
			return nil, cli.Usage(problem.New(fmt.Sprintf("--since: %q is not a date", t.since), `give "last" or a date: --since 2026-11-27`))
		}
	}
	machine, user := here()
	runs, err := db.Inventories(ctx, machine, user)
	if err != nil {
		return nil, err
	}
	remote := len(t.hosts)+len(t.hostsFrom) > 0
	for _, run := range runs {
		if run.Taken.Before(limit) && (run.Hosts > 0 || !remote) {
			inv, err := db.Inventory(ctx, run.ID)
			return &inv, err
		}
	}
	return nil, nil
}

// notTaken prints why there is no inventory, and gives the exit code for it.
func notTaken(err error) error {
	if cli.IsA[cli.UsageError](err) || errors.Is(err, context.Canceled) {
		return err
	}
	fmt.Fprintln(os.Stderr, "keybroker:", platform.Text(err))
	return cli.ExitStatus(exitNotTaken)
}

// parseDays reads "90d", or a duration as Go writes it.
func parseDays(text string) (time.Duration, error) {
	if number, found := strings.CutSuffix(text, "d"); found {
		var days int
		if _, err := fmt.Sscanf(number+" ", "%d ", &days); err != nil || days < 1 || fmt.Sprint(days) != number {
			return 0, fmt.Errorf("%q is not a number of days", text)
		}
		return time.Duration(days) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration", text)
	}
	return d, nil
}
