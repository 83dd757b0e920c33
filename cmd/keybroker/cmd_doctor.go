package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/confirm/paired"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys/keychain"
	"github.com/spf13/cobra"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// checkTime bounds each check: a doctor that hangs is no help.
const checkTime = 5 * time.Second

// check is one line of the doctor's report.
type check struct {
	Name   string `json:"name"`
	Result string `json:"result"` // "ok", "note" or "FAIL"
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

func newDoctorCommand(a *app) *cobra.Command {
	return a.tableFlags(&cobra.Command{
		Use:   "doctor",
		Short: "Check everything that a signature needs, and say what to mend",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), checkTime)
			defer cancel()
			checks := a.examine(ctx)
			if err := a.print(cmd, checks, func(w *table) { printChecks(w, checks) }); err != nil {
				return err
			}
			for _, c := range checks {
				if c.Result == "FAIL" {
					return errors.New("something is wrong, see above")
				}
			}
			return nil
		},
	})
}

func printChecks(w *table, checks []check) {
	w.paint(0, map[string]text.Color{"ok": text.FgGreen, "note": text.FgYellow, "FAIL": text.FgRed})
	for _, c := range checks {
		w.row(c.Result, c.Name, c.Text)
		if c.Remedy != "" {
			w.below("→ " + c.Remedy)
		}
	}
}

func (a *app) examine(ctx context.Context) []check {
	checks := append([]check{a.checkConfiguration()}, a.checkFixed()...)
	checks = append(checks, a.checkBroker(ctx)...)
	checks = append(checks, a.checkPrograms()...)
	return append(checks, a.checkEnvironment(), a.checkAgent(ctx), a.checkKeychain(ctx), a.checkVault(ctx), a.checkPrompt(), a.checkAudit(ctx))
}

func (a *app) checkConfiguration() check {
	if err := a.load(); err != nil {
		what, remedy := platform.Explain(err)
		return check{"configuration", "FAIL", what, remedy}
	}
	if _, err := os.Stat(a.config.Paths.ConfigFile); errors.Is(err, fs.ErrNotExist) {
		return check{"configuration", "ok", "the defaults: there is no " + a.config.Paths.ConfigFile, ""}
	}
	return check{"configuration", "ok", a.config.Paths.ConfigFile, ""}
}

// checkFixed tells what the machine's owner has fixed, and what of the user's
// configuration is not taken for it.
func (a *app) checkFixed() (list []check) {
	for _, f := range a.config.Fixed {
		c := check{"fixed", "ok", fmt.Sprintf("%s = %s, fixed by %s", f.Setting, f.Value, f.By), ""}
		if f.NotTaken != "" {
			c.Result, c.Text = "note", fmt.Sprintf("%s: your %s is not taken; %s is fixed by %s", f.Setting, f.NotTaken, f.Owner, f.By)
			c.Remedy = "take it out of " + a.config.Paths.ConfigFile
		}
		list = append(list, c)
	}
	return list
}

func (a *app) checkBroker(ctx context.Context) []check {
	client, err := a.client()
	if err != nil {
		return []check{{"broker", "FAIL", platform.Plain(err), ""}}
	}
	status, err := client.Status(ctx)
	if err != nil {
		what, remedy := platform.Explain(notRunning(err))
		return []check{{"broker", "FAIL", what, remedy}}
	}
	checks := []check{{"broker", "ok", fmt.Sprintf("version %s, process %d", status.Version, status.PID), ""}}
	if status.Version != version {
		checks = append(checks, check{"broker", "note", otherVersion(status.Version), broker.StartAgain(status.PID)})
	}
	if a := status.Approve; a != nil {
		checks = append(checks, check{"approve", "note", fmt.Sprintf("terminal %s answers questions: process %d, %s", a.Terminal, a.PID, a.Program),
			fmt.Sprintf("if that is not you: kill %d", a.PID)})
	}
	for _, p := range status.Problems {
		checks = append(checks, check{"broker", "FAIL", p.What, p.Remedy})
	}
	for _, note := range status.Hardening {
		checks = append(checks, check{"hardening", "note", note, ""})
	}
	return checks
}

func (a *app) checkEnvironment() check {
	socket := os.Getenv("SSH_AUTH_SOCK")
	switch socket {
	case a.config.Paths.AgentSocket:
		return check{"SSH_AUTH_SOCK", "ok", socket, ""}
	case "":
		if runtime.GOOS == "windows" {
			return check{"SSH_AUTH_SOCK", "ok", "not set in this shell; Windows' own ssh asks the broker without it", ""}
		}
		return check{"SSH_AUTH_SOCK", "note", "not set in this shell, so ssh will not ask the broker", envHint()}
	}
	return check{"SSH_AUTH_SOCK", "note", "another agent's: " + platform.Escape(socket, maxCell), envHint()}
}

func envHint() string {
	if runtime.GOOS == "windows" {
		return "keybroker env | Invoke-Expression"
	}
	return `eval "$(keybroker env)"`
}

func (a *app) checkAgent(ctx context.Context) check {
	conn, err := platform.Dial(ctx, a.config.Paths.AgentSocket)
	if err != nil {
		return check{"agent socket", "FAIL", platform.Plain(err), "start the broker: keybroker daemon"}
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	list, err := sshagent.NewClient(conn).List()
	if err != nil {
		return check{"agent socket", "FAIL", "it does not answer: " + platform.Plain(err), "restart the broker"}
	}
	return check{"agent socket", "ok", keys.Counted(len(list), "key") + " listed", ""}
}

func (a *app) checkKeychain(ctx context.Context) check {
	chain := keychain.System(filepath.Join(a.config.Paths.DataDir, "vault"))
	switch err := chain.Available(ctx); {
	case err == nil:
		return check{"keychain", "ok", chain.Name(), ""}
	case errors.Is(err, keychain.ErrLocked):
		return check{"keychain", "note", chain.Name() + " is locked; a signature asks to unlock it", ""}
	default:
		return check{"keychain", "note", "none, so new keys are sealed by a passphrase: " + platform.Plain(err), ""}
	}
}

func (a *app) checkPrompt() check {
	prompter, err := paired.New(ways.Config{Prompt: a.config.Confirm.Prompt, Pinentry: a.config.Confirm.Pinentry, Terminal: broker.OwnTerminal()})
	if err != nil {
		return check{"prompt", "FAIL", platform.Plain(err), "see: docs/config.md, [confirm]"}
	}
	return check{"prompt", "note", "a daemon started from here would ask by " + prompter.Name(), ""}
}

func (a *app) checkAudit(ctx context.Context) check {
	client, err := a.client()
	if err != nil {
		return check{"audit log", "FAIL", platform.Plain(err), ""}
	}
	report, err := broker.VerifyLog(ctx, &a.config, client)
	switch {
	case err != nil:
		return check{"audit log", "FAIL", platform.Plain(err), "check the directory: ls -ld " + a.config.AuditDir()}
	case report.Bad != nil:
		return check{"audit log", "FAIL", report.Bad.String(), "keybroker log verify"}
	}
	if len(report.Files) == 0 {
		return check{"audit log", "note", "there is none yet", "the broker begins it with its first record: keybroker daemon"}
	}
	return check{"audit log", "ok", keys.Counted(int(report.Records), "record") + ", whole", ""}
}
