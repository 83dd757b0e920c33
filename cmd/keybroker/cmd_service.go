package main

import (
	"context"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/service"
	"github.com/spf13/cobra"
)

func newServiceCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Start the broker at login, and say whether it is",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newServiceInstallCommand(a), newServiceUninstallCommand(a), newServiceStatusCommand(a), newServiceRunCommand())
	return cmd
}

// planFlags say whether a plan is carried out.
type planFlags struct{ dryRun, yes bool }

func (f *planFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would change, with the lines of each file, and change nothing")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
}

func newServiceInstallCommand(a *app) *cobra.Command {
	var (
		flags                            planFlags
		start                            = "auto"
		takeOver, overForwarded, noShell bool
		account                          accountFlags
	)
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Have the system start the broker at login and set SSH_AUTH_SOCK (asks first)",
		Long: `Have the system start the broker when it is first needed after each login, show the
tray icon, and set SSH_AUTH_SOCK. It shows what it will change, and asks.

On Linux it writes units for "systemctl --user" (or enables those of a package),
environment.d and autostart files, and lines in ~/.profile. Without systemd the
desktop starts the broker. On macOS it writes launchd agents, on Windows values of the
user's registry. "keybroker service uninstall" takes all of it back.

A second time it changes only what is no longer right, with the choices of the first
time. After an upgrade of the program nothing needs to be installed again.

Other agents that set SSH_AUTH_SOCK are named with the remedy; --take-over switches
off those that it can. In an ssh login, a forwarded agent keeps its place.

With --system --user ACCOUNT, as root, the system's systemd runs a broker for a service
account, which asks nobody (docs/servers.md).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if account.system {
				return account.install(cmd, &flags)
			}
			place, err := a.place()
			if err != nil {
				return err
			}
			choice := service.Choice{TakeOver: given(cmd, "take-over", &takeOver), OverForwarded: given(cmd, "over-forwarded", &overForwarded), NoShell: given(cmd, "no-shell", &noShell)}
			if start != "auto" {
				choice.Start = service.Start(start)
			}
			plan, err := service.Install(cmd.Context(), place, choice, a.foregroundBroker())
			if err != nil {
				return err
			}
			done, err := flags.carryOut(cmd, plan, "Install this?", "nothing to change: it is installed")
			if done {
				fmt.Fprintln(cmd.OutOrStdout(), "It is installed. What is there: keybroker service status")
			}
			return err
		},
	}
	flags.register(cmd)
	account.register(cmd)
	cmd.Flags().BoolVar(&takeOver, "take-over", false, "switch off other agents that set SSH_AUTH_SOCK")
	cmd.Flags().BoolVar(&overForwarded, "over-forwarded", false, "set SSH_AUTH_SOCK also in ssh logins that bring a forwarded agent")
	cmd.Flags().BoolVar(&noShell, "no-shell", false, "leave the start files of shells alone")
	cli.ChoiceFlag(cmd, &start, "start", "", "what starts the broker on Linux: auto, systemd or autostart (the desktop)", "auto", "systemd", "autostart")
	return cmd
}

// given returns the flag's value if it was given.
func given(cmd *cobra.Command, flag string, value *bool) *bool {
	if cmd.Flags().Changed(flag) {
		return value
	}
	return nil
}

func (a *app) place() (service.Place, error) {
	if err := a.locate(); err != nil {
		return service.Place{}, err
	}
	return service.Here(a.config.Paths, version)
}

// foregroundBroker is the process of a broker that somebody started by hand; 0: there is
// none. It holds the sockets that systemd would make.
func (a *app) foregroundBroker() int {
	if pid, held := audit.Holder(a.config.AuditDir()); held && !broker.InUnit(pid) {
		return pid
	}
	return 0
}

// carryOut shows the plan, asks, and applies it. done says that it was applied.
func (f *planFlags) carryOut(cmd *cobra.Command, plan *service.Plan, question, nothing string) (done bool, err error) {
	out := cmd.OutOrStdout()
	plan.Show(out, f.dryRun)
	if plan.Empty() {
		fmt.Fprintln(out, nothing)
		return false, plan.Apply(nil)
	}
	if f.dryRun {
		return false, nil
	}
	if !f.yes {
		yes, err := terminal.Confirm(cmd.Context(), question)
		if err != nil {
			return false, err
		}
		if !yes {
			return false, cli.Refused(problem.New("nothing was changed", "to do it without the question: --yes"))
		}
	}
	ctx := context.WithoutCancel(cmd.Context()) // half of it would be worse
	err = plan.Apply(func(c service.Command) error { return service.Run(ctx, c) })
	return err == nil, err
}

func newServiceUninstallCommand(a *app) *cobra.Command {
	var (
		flags   planFlags
		account accountFlags
	)
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Take back what \"service install\" did (asks first)",
		Long: `Take back what "keybroker service install" did: it ends the broker, removes what it
wrote, and starts again the agents that --take-over stopped. A file that was changed
since is left and named. Keys, the configuration and the log stay.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if account.system {
				return account.uninstall(cmd, &flags)
			}
			place, err := a.place()
			if err != nil {
				return err
			}
			plan, err := service.Uninstall(cmd.Context(), place)
			if err != nil {
				return err
			}
			done, err := flags.carryOut(cmd, plan, "Remove this?", "nothing of it is left")
			if done {
				fmt.Fprintln(cmd.OutOrStdout(), "It was removed. Keys, the configuration and the log stay. A shell that is open keeps its SSH_AUTH_SOCK.")
			}
			return err
		},
	}
	flags.register(cmd)
	account.register(cmd)
	return cmd
}

// statusTime bounds the questions to the broker and the service manager.
const statusTime = 20 * time.Second

func newServiceStatusCommand(a *app) *cobra.Command {
	return a.TableFlags(&cobra.Command{
		Use:   "status",
		Short: "Show whether the broker is started at login, and who holds SSH_AUTH_SOCK",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			place, err := a.place()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), statusTime)
			defer cancel()
			status, err := service.Inspect(ctx, place)
			if err != nil {
				return err
			}
			if pid, held := audit.Holder(a.config.AuditDir()); held {
				status.Running = a.runningBroker(ctx, pid)
			}
			return a.Print(cmd, status, func(w *cli.Table) { printServiceStatus(w, status) })
		},
	})
}

func (a *app) runningBroker(ctx context.Context, pid int) *service.Broker {
	running := &service.Broker{PID: pid, ByUnit: broker.InUnit(pid)}
	if client, err := a.client(); err == nil {
		if status, err := client.Status(ctx); err == nil {
			running.Version = status.Version
		}
	}
	return running
}

func printServiceStatus(w *cli.Table, s service.Status) {
	w.Row("installed", s.Installed)
	w.Row("enabled", s.Enabled)
	w.Row("running", runningText(s.Running))
	w.Row("this shell", s.Shell)
	w.Row("new programs", s.NewPrograms)
	w.Row("login shells", s.LoginShells)
	for _, h := range s.Others {
		w.Row("other agent", h.Name+": "+h.What)
		w.Row("  remedy", h.Remedy)
	}
	for _, note := range s.Notes {
		w.Row("note", note)
	}
}

func runningText(b *service.Broker) string {
	if b == nil {
		return "no"
	}
	text := fmt.Sprintf("version %s, process %d", b.Version, b.PID)
	if b.Version == "" {
		text = fmt.Sprintf("process %d, which does not answer", b.PID)
	}
	if b.Version != "" && b.Version != version {
		text += fmt.Sprintf("; this command is %s, so restart it: systemctl --user restart keybroker.service", version)
	}
	return text
}
