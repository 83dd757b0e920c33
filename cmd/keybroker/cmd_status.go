package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// client returns a client of the running broker.
func (a *app) client() (*control.Client, error) {
	if err := a.locate(); err != nil {
		return nil, err
	}
	return broker.ClientOf(&a.config, version), nil
}

func notRunning(err error) error { return broker.NotRunning(err) }

func newStatusCommand(a *app) *cobra.Command {
	return a.TableFlags(&cobra.Command{
		Use:   "status",
		Short: "Show the state of the broker",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			status, err := client.Status(cmd.Context())
			if err != nil {
				return notRunning(err)
			}
			return a.Print(cmd, status, func(w *cli.Table) { printStatus(w, status) })
		},
	})
}

func printStatus(w *cli.Table, s control.Status) {
	w.Paint(0, map[string]text.Color{"PROBLEM": text.FgRed, "note": text.FgYellow})
	w.Paint(1, map[string]text.Color{"running": text.FgGreen})
	state := "running"
	if s.Paused {
		state = "paused (resume it: keybroker resume)"
	}
	if s.Locked {
		state = "locked (unlock it: ssh-add -X, or keybroker unlock)"
	}
	if state != "running" {
		w.Paint(1, map[string]text.Color{state: text.FgYellow})
	}
	w.Row("state", state)
	w.Row("version", s.Version)
	if s.Version != version {
		w.Row("note", broker.OtherVersion(s.Version, version)+": "+broker.StartAgain(s.PID))
	}
	w.Row("process", strconv.Itoa(s.PID)+", started "+keys.Ago(time.Now(), s.Started))
	w.Row("socket", s.AgentSocket)
	for _, socket := range s.Sockets {
		w.Row("socket "+socket.Name, socket.Path+", "+socketText(socket))
	}
	w.Row("connections", strconv.Itoa(s.Connections))
	w.Row("keys", strconv.Itoa(s.Keys))
	if s.Seal != "" {
		w.Row("sealed by", s.Seal)
	}
	w.Row("cards", s.Smartcards)
	w.Row("prompt", fmt.Sprintf("%s, %d waiting", s.Prompt, s.Waiting))
	if a := s.Approve; a != nil {
		w.Row("approves", fmt.Sprintf("terminal %s, process %d (%s), since %s", a.Terminal, a.PID, a.Program, keys.Ago(time.Now(), a.Since)))
	}
	w.Row("policy", keys.Counted(s.Rules, "rule")+", "+keys.Counted(s.Grants, "grant"))
	w.Row("audit log", fmt.Sprintf("%s, record %d", s.Audit.Directory, s.Audit.Seq))
	if s.Session.Locked {
		w.Row("screen", "locked")
	}
	if s.Session.Last != "" {
		w.Row("dropped last", s.Session.Last)
	}
	w.Row("protection", strings.Join(s.Protection, ", "))
	for _, note := range slices.Concat(s.Session.Notes, s.Hardening) {
		w.Row("note", note)
	}
	printProblems(w, "note", s.Soon)
	printProblems(w, "PROBLEM", s.Problems)
}

func printProblems(w *cli.Table, title string, list []control.Problem) {
	for _, p := range list {
		w.Row(title, p.What)
		if p.Remedy != "" {
			w.Row("  remedy", p.Remedy)
		}
	}
}

func socketText(socket control.Socket) string {
	if socket.ReadOnly {
		return socket.Keys + ", read-only"
	}
	return socket.Keys
}

func newWhyCommand(a *app) *cobra.Command {
	return a.TableFlags(&cobra.Command{
		Use:   "why [ID]",
		Short: "Say why a request was refused, and what to do",
		Long: `Say why the last request was refused, by which rule, and what to do about it.
With the ID of a request (see "keybroker log"), explain that one.`,
		Args:              cli.AtMost(1),
		ValidArgsFunction: completeFrom(a.refusedIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			record, err := a.refusal(cmd, args)
			if err != nil {
				return err
			}
			return a.Print(cmd, record, func(w *cli.Table) { printRefusal(w, record) })
		},
	})
}

// refusal finds the refusal with the given ID, or the last one. The daemon also knows
// refusals that could not be written; without a daemon the log is read.
func (a *app) refusal(cmd *cobra.Command, args []string) (audit.Record, error) {
	client, err := a.client()
	if err != nil {
		return audit.Record{}, err
	}
	refusals, err := client.Refusals(cmd.Context())
	if err != nil {
		refusals = nil
	}
	if last, ok := lastRefusal(refusals, args); ok {
		return last, nil
	}
	filter := audit.Filter{Decision: audit.Refused, Last: 1, IDs: args}
	for record, err := range audit.Read(a.config.AuditDir(), filter) {
		return record, err
	}
	if len(args) > 0 {
		return audit.Record{}, problem.With(fmt.Errorf("no refused request has the ID %q", args[0]), "see: keybroker log --decision refused")
	}
	return audit.Record{}, problem.New("nothing was refused yet", "see what was asked: keybroker log")
}

func lastRefusal(refusals []audit.Record, ids []string) (audit.Record, bool) {
	for _, record := range slices.Backward(refusals) {
		if len(ids) == 0 || slices.Contains(ids, record.ID) {
			return record, true
		}
	}
	return audit.Record{}, false
}

func printRefusal(w *cli.Table, r audit.Record) {
	w.Row("request", r.ID+", "+r.Time.Local().Format(time.DateTime))
	w.Row("what", strings.TrimSpace(string(r.Op)+" "+purposeText(r)))
	w.Row("who", peerText(r))
	if r.Socket != "" {
		w.Row("through", "socket "+platform.Escape(r.Socket, maxCell))
	}
	w.Row("key", keyText(r))
	w.Row("where", destinationText(r, maxCell))
	if d := r.Destination; d != nil && d.Why != "" {
		w.Row("not proved", platform.Escape(d.Why, audit.MaxReason))
	}
	w.Row("rule", r.Rule)
	w.Row("refused", platform.Escape(r.Reason, audit.MaxReason))
	w.Row("remedy", r.Remedy)
	if r.Repeats > 1 {
		w.Row("repeated", fmt.Sprintf("%d times; this was the last one", r.Repeats))
	}
}

func newLockCommand(a *app) *cobra.Command {
	var ask bool
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Lock the agent with a passphrase, as ssh-add -x does",
		Long: `Lock the agent with a passphrase, which you type twice. Until it is unlocked with
the same passphrase, no key is listed or used. Opened keys and grants are dropped.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := lock(cmd.Context(), client, ask); err != nil {
				return notRunning(err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "The agent is locked. Unlock it: keybroker unlock")
			return nil
		},
	}
	askFlag(cmd, &ask)
	return cmd
}

func lock(ctx context.Context, client *control.Client, ask bool) error {
	if ask {
		return client.LockAsking(ctx)
	}
	switch status, err := client.Status(ctx); { // fail before the person types a passphrase
	case err != nil:
		return err
	case status.Locked:
		return problem.New("the agent is locked already", "unlock it: ssh-add -X, or keybroker unlock")
	}
	passphrase, err := terminal.ReadNewPassphrase(ctx, "Passphrase to lock with: ")
	if err != nil {
		return err
	}
	defer clear(passphrase)
	return client.Lock(ctx, passphrase)
}

func askFlag(cmd *cobra.Command, ask *bool) {
	cmd.Flags().BoolVar(ask, "ask", false, "have the broker ask for the passphrase, in its window or terminal")
}

func newUnlockCommand(a *app) *cobra.Command {
	var ask bool
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "Unlock the agent, as ssh-add -X does",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := unlock(cmd.Context(), client, ask); err != nil {
				return notRunning(err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "The agent is unlocked.")
			return nil
		},
	}
	askFlag(cmd, &ask)
	return cmd
}

func unlock(ctx context.Context, client *control.Client, ask bool) error {
	if ask {
		return client.UnlockAsking(ctx)
	}
	switch status, err := client.Status(ctx); {
	case err != nil:
		return err
	case !status.Locked:
		return problem.New("the agent is not locked", "if it is paused: keybroker resume; see: keybroker status")
	}
	passphrase, err := terminal.ReadPassphrase(ctx, "Passphrase to unlock with: ")
	if err != nil {
		return err
	}
	defer clear(passphrase)
	return client.Unlock(ctx, passphrase)
}
