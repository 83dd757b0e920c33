// Package doctor checks everything that a signature needs and says what to fix.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/confirm/paired"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/softkeys/keychain"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// Check is one line of the doctor's report.
type Check struct {
	Name   string `json:"name"`
	Result string `json:"result"` // "ok", "note" or "FAIL"
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// maxText bounds texts that another program chose, in characters.
const maxText = 60

// Patient is what is checked.
type Patient struct {
	Config  config.Config
	Err     error       // why the configuration cannot be used, or nil
	Version string      // of the command
	Person  keys.Person // asked for the passphrase of the vault
}

// Examine makes every check.
func Examine(ctx context.Context, p Patient) []Check {
	client := broker.Client(&p.Config)
	checks := append([]Check{p.checkConfiguration()}, p.checkFixed()...)
	checks = append(checks, p.checkBroker(ctx, client)...)
	checks = append(checks, p.checkPrograms()...)
	checks = append(checks, p.checkEnvironment(), p.checkAgent(ctx), p.checkKeychain(ctx))
	checks = append(checks, p.checkVault(ctx)...)
	return append(checks, p.checkPrompt(), p.checkAudit(ctx, client))
}

func failed(name string, err error) Check {
	what, remedy := platform.Explain(err)
	return Check{name, "FAIL", what, remedy}
}

func (p *Patient) checkConfiguration() Check {
	if p.Err != nil {
		return failed("configuration", p.Err)
	}
	if _, err := os.Stat(p.Config.Paths.ConfigFile); errors.Is(err, fs.ErrNotExist) {
		return Check{"configuration", "ok", "the defaults: there is no " + p.Config.Paths.ConfigFile, ""}
	}
	return Check{"configuration", "ok", p.Config.Paths.ConfigFile, ""}
}

// checkFixed lists what the machine's owner has fixed, and which of the user's settings
// are ignored for that reason.
func (p *Patient) checkFixed() (list []Check) {
	for _, f := range p.Config.Fixed {
		c := Check{"fixed", "ok", fmt.Sprintf("%s = %s, fixed by %s", f.Setting, f.Value, f.By), ""}
		if f.NotTaken != "" {
			c.Result, c.Text = "note", fmt.Sprintf("%s: your %s is ignored; %s is fixed by %s", f.Setting, f.NotTaken, f.Owner, f.By)
			c.Remedy = "remove it from " + p.Config.Paths.ConfigFile
		}
		list = append(list, c)
	}
	return list
}

func (p *Patient) checkBroker(ctx context.Context, client *control.Client) []Check {
	status, err := client.Status(ctx)
	if err != nil {
		return []Check{failed("broker", broker.NotRunning(err))}
	}
	checks := []Check{{"broker", "ok", fmt.Sprintf("version %s, process %d", status.Version, status.PID), ""}}
	if status.Version != p.Version {
		checks = append(checks, Check{"broker", "note", broker.OtherVersion(status.Version, p.Version), broker.StartAgain(status.PID)})
	}
	if a := status.Approve; a != nil {
		checks = append(checks, Check{"approve", "note", fmt.Sprintf("terminal %s answers questions: process %d, %s", a.Terminal, a.PID, a.Program),
			fmt.Sprintf("if that is not you: kill %d", a.PID)})
	}
	for _, problem := range status.Problems {
		checks = append(checks, Check{"broker", "FAIL", problem.What, problem.Remedy})
	}
	for _, problem := range status.Soon {
		checks = append(checks, Check{"broker", "note", problem.What, problem.Remedy})
	}
	for _, note := range status.Hardening {
		checks = append(checks, Check{"hardening", "note", note, ""})
	}
	return checks
}

func (p *Patient) checkEnvironment() Check {
	socket := os.Getenv("SSH_AUTH_SOCK")
	switch socket {
	case p.Config.Paths.AgentSocket:
		return Check{"SSH_AUTH_SOCK", "ok", socket, ""}
	case "":
		if runtime.GOOS == "windows" {
			return Check{"SSH_AUTH_SOCK", "ok", "not set in this shell; Windows' own ssh asks the broker without it", ""}
		}
		return Check{"SSH_AUTH_SOCK", "note", "not set in this shell, so ssh will not ask the broker", envHint()}
	}
	return Check{"SSH_AUTH_SOCK", "note", "another agent's: " + platform.Escape(socket, maxText), envHint()}
}

func envHint() string {
	if runtime.GOOS == "windows" {
		return "keybroker env | Invoke-Expression"
	}
	return `eval "$(keybroker env)"`
}

func (p *Patient) checkAgent(ctx context.Context) Check {
	if err := platform.CheckPrivateDir(filepath.Dir(p.Config.Paths.AgentSocket)); err != nil { // no broker starts there
		return failed("agent socket", err)
	}
	conn, err := platform.Dial(ctx, p.Config.Paths.AgentSocket)
	if err != nil {
		return Check{"agent socket", "FAIL", platform.Plain(err), "start the broker: keybroker daemon"}
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	list, err := sshagent.NewClient(conn).List()
	if err != nil {
		return Check{"agent socket", "FAIL", "it does not answer: " + platform.Plain(err), "restart the broker"}
	}
	return Check{"agent socket", "ok", keys.Counted(len(list), "key") + " listed", ""}
}

func (p *Patient) checkKeychain(ctx context.Context) Check {
	chain := keychain.System(filepath.Join(p.Config.Paths.DataDir, "vault"))
	switch err := chain.Available(ctx); {
	case err == nil:
		return Check{"keychain", "ok", chain.Name(), ""}
	case errors.Is(err, keychain.ErrLocked):
		return Check{"keychain", "note", chain.Name() + " is locked; a signature asks to unlock it", ""}
	default:
		return Check{"keychain", "note", "none, so new keys are sealed by a passphrase: " + platform.Plain(err), ""}
	}
}

func (p *Patient) checkPrompt() Check {
	prompter, err := paired.New(ways.Config{Prompt: p.Config.Confirm.Prompt, Pinentry: p.Config.Confirm.Pinentry, Terminal: terminal.Open()})
	if err != nil {
		return Check{"prompt", "FAIL", platform.Plain(err), "see: docs/config.md, [confirm]"}
	}
	return Check{"prompt", "note", "a daemon started from here would ask by " + prompter.Name(), ""}
}

func (p *Patient) checkAudit(ctx context.Context, client *control.Client) Check {
	if err := platform.CheckTrustedDir(filepath.Dir(p.Config.AuditDir())); err != nil { // no broker starts
		return failed("audit log", err)
	}
	report, err := broker.CheckLog(ctx, &p.Config, client)
	switch {
	case err != nil:
		return Check{"audit log", "FAIL", platform.Plain(err), "check the directory: ls -ld " + p.Config.AuditDir()}
	case report.Bad != nil:
		return Check{"audit log", "FAIL", report.Bad.String(), "keybroker log verify"}
	}
	if len(report.Files) == 0 {
		return Check{"audit log", "note", "there is none yet", "the broker creates it with its first record: keybroker daemon"}
	}
	if report.Unread > 0 {
		return Check{"audit log", "ok", fmt.Sprintf("%s: the last %d and samples of the others are intact", keys.Counted(int(report.Records), "record"), report.Records-report.Unread),
			"to read all of them: keybroker log verify"}
	}
	return Check{"audit log", "ok", keys.Counted(int(report.Records), "record") + ", intact", ""}
}
