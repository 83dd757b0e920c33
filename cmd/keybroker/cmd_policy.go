package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

func newPolicyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Check, show and try the rules",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPolicyCheckCommand(a), newPolicyShowCommand(a), newPolicyTestCommand(a), newPolicyReloadCommand(a))
	return cmd
}

func newPolicyCheckCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check the configuration and its rules, with line and column of each error",
		Args:  cli.AtMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.configFile = args[0]
			}
			if err := a.load(); err != nil {
				return err
			}
			if _, err := os.Stat(a.config.Paths.ConfigFile); errors.Is(err, fs.ErrNotExist) {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: there is no such file, so every use needs your consent\n", a.config.Paths.ConfigFile)
			} else {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, no errors\n", a.config.Paths.ConfigFile, keys.Counted(len(a.config.Rules), "rule"))
			}
			if n := len(a.config.MachineRules); n > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, no errors\n", a.config.Paths.MachinePolicy, keys.Counted(n, "rule"))
			}
			return broker.SealedStore(&a.config, nil).Vault().CheckPassphraseFile()
		},
	}
}

func newPolicyShowCommand(a *app) *cobra.Command {
	return a.TableFlags(&cobra.Command{
		Use:   "show",
		Short: "Show the rules in the order of evaluation, and the fixed settings",
		Long: `Show the rules in the order in which they are evaluated. Below them are the
settings that the machine's owner has fixed in policy.toml, and which of yours are
ignored for that reason.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			rules := append(append([]policy.Rule{}, a.config.MachineRules...), a.config.Rules...)
			shown := shownPolicy{Rules: rules, Fixed: a.config.Fixed}
			return a.Print(cmd, shown, func(w *cli.Table) { printRules(w, rules); printFixed(w, a.config.Fixed) })
		},
	})
}

// shownPolicy is what `policy show --json` prints.
type shownPolicy struct {
	Rules []policy.Rule  `json:"rules"`
	Fixed []config.Fixed `json:"fixed,omitempty"` // by the machine's owner
}

// printFixed prints the fixed settings as a second table, below the rules.
func printFixed(w *cli.Table, fixed []config.Fixed) {
	if len(fixed) == 0 {
		return
	}
	w.Head("SETTING", "IN FORCE", "FIXED TO", "BY", "YOURS, IGNORED")
	for _, f := range fixed {
		w.Row(f.Setting, f.Value, f.Owner, f.By, f.NotTaken)
	}
}

func printRules(w *cli.Table, rules []policy.Rule) {
	w.Head("#", "RULE", "KEY", "HOST", "USER", "PROGRAM", "PURPOSE", "SOCKET", "FORWARDED", "ACTION", "FROM")
	w.Paint(9, map[string]text.Color{"allow": text.FgGreen, "refuse": text.FgRed})
	for i, r := range rules {
		forwarded := ""
		if r.Forwarded != nil {
			forwarded = strconv.FormatBool(*r.Forwarded)
		}
		action := string(r.Action)
		if r.Remember > 0 {
			action += " (" + keys.ShortDuration(r.Remember) + ")"
		}
		if r.AskFirst {
			action += " first"
		}
		if r.List != "" {
			action += ", list " + r.List
		}
		w.Row(strconv.Itoa(i+1), r.Name, r.Key, r.Host, r.User, r.Program, r.Purpose, r.Socket, forwarded, action, fmt.Sprintf("%s:%d", r.File, r.Line))
	}
	w.Row("", "(no rule matches)", "", "", "", "", "", "", "", "ask", "default")
}

func newPolicyTestCommand(a *app) *cobra.Command {
	var (
		t        policy.Trial
		expected string
	)
	cmd := a.TableFlags(&cobra.Command{
		Use:   "test",
		Short: "Say what would happen to a request, and by which rule",
		Long: `Say what would happen to a request, and by which rule. Nothing is signed and
nobody is asked. The exit code is 3 when the request would be refused. With --expect it
is 0 when the rules do what is expected, and otherwise 1: for a pipeline.

  keybroker policy test --key work --host git.example.com --user git
  keybroker policy test --key work --purpose sshsig:git --program /usr/bin/git
  keybroker policy test --key work --new-host --expect refuse`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			use, err := t.Use(a.socketNames(cmd), time.Now())
			if err != nil {
				return cli.Usage(err)
			}
			decision := a.config.PolicyRules().Decide(use)
			err = a.printDecision(cmd, use, decision)
			if expected != "" && (err == nil || cli.IsA[cli.RefusedError](err)) {
				return asExpected(policy.Action(expected), decision)
			}
			return err
		},
	})
	flags := cmd.Flags()
	flags.StringVar(&t.Key, "key", "", "the key's name, or its fingerprint SHA256:…")
	flags.StringVar(&t.Host, "host", "", "the host to log in to, verified")
	flags.BoolVar(&t.NewHost, "new-host", false, "a host that proved its key, but has no name in known_hosts")
	flags.StringVar(&t.Claimed, "claimed-host", "", "the host that the program claims, not verified")
	flags.StringVar(&t.User, "user", "", "the account on that host")
	flags.StringVar(&t.Program, "program", "/usr/bin/ssh", "the program's absolute path; \"\" for one that could not be identified")
	flags.StringVar(&t.Purpose, "purpose", "login", "sshsig:NAMESPACE, or one of "+strings.Join(policy.Purposes, ", "))
	cli.CompleteFixed(cmd, "purpose", append([]string{"sshsig:git", "sshsig:file"}, policy.Purposes...)...)
	flags.StringVar(&t.Socket, "socket", "", "the name of the [[socket]] that the request uses")
	flags.BoolVar(&t.Forwarded, "forwarded", false, "the request comes over a forwarded agent")
	flags.BoolVar(&t.Confirm, "confirm", false, "the key was added with ssh-add -c")
	cli.ChoiceFlag(cmd, &expected, "expect", "", "fail unless the rules do this: allow, ask or refuse", string(policy.Allow), string(policy.Ask), string(policy.Refuse))
	completeFlag(cmd, "key", a.keyNames)
	completeFlag(cmd, "socket", a.socketNames)
	cmd.MarkFlagsMutuallyExclusive("host", "claimed-host", "new-host")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

// verdict is what `policy test --json` prints.
type verdict struct {
	Action   policy.Action `json:"action"`
	Rule     string        `json:"rule,omitempty"`
	Why      string        `json:"why"`
	Remember string        `json:"remember,omitempty"`
}

// asExpected returns an error unless the decision is the expected one.
func asExpected(want policy.Action, got policy.Decision) error {
	if got.Action == want {
		return nil
	}
	by := "no rule"
	if got.Rule != "" {
		by = fmt.Sprintf("rule %q", got.Rule)
	}
	return problem.With(fmt.Errorf("expected %s, but it is %s, by %s: %s", want, got.Action, by, got.Why), "change the rules, or what is expected of them")
}

func (a *app) printDecision(cmd *cobra.Command, use *keys.Use, d policy.Decision) error {
	v := verdict{Action: d.Action, Rule: d.Rule, Why: d.Why}
	if offer := policy.Offer(use, d); offer > 0 {
		v.Remember = keys.ShortDuration(offer)
	}
	err := a.Print(cmd, v, func(w *cli.Table) {
		w.Row("action", string(v.Action))
		w.Row("rule", v.Rule)
		w.Row("why", v.Why)
		w.Row("grant offered", v.Remember)
	})
	if err == nil && d.Action == policy.Refuse {
		return cli.Refused(problem.With(fmt.Errorf("it would be refused: %s", d.Why), "%s", d.Remedy))
	}
	return err
}

func newPolicyReloadCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Make the running broker read its configuration again",
		Long: `Make the running broker read its configuration again, as the signal HUP does: the
rules, the limits of the machine's owner, [confirm] remember, and what each
[[socket]] shows. Everything else is read only at start; the command names changed
settings of that kind. [tray] is read when keybroker tray starts.

If a file has an error, the broker keeps its old rules. If the new rules allow more
than the old ones, the broker asks first. If nobody can be asked, restart the
broker.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			reloaded, err := client.Reload(cmd.Context())
			if err != nil {
				return notRunning(err)
			}
			printReloaded(cmd.OutOrStdout(), reloaded)
			return nil
		},
	}
}

func printReloaded(w io.Writer, r control.Reloaded) {
	same := ""
	if r.Unchanged {
		same = ", the same as before"
	}
	fmt.Fprintf(w, "The rules were read again: %s in force%s.\n", keys.Counted(r.Rules, "rule"), same)
	if len(r.AtStart) > 0 {
		fmt.Fprintf(w, "Changed, but read only at start: %s. Restart the broker to apply this.\n", strings.Join(r.AtStart, ", "))
	}
}
