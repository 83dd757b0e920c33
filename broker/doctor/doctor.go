// Package doctor checks everything that a signature needs and says what to fix.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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

// maxText bounds texts that another program chose, in characters.
const maxText = 60

// Patient is what is checked.
type Patient struct {
	Config    config.Config
	Err       error       // why the configuration cannot be used, or nil
	Version   string      // of the command
	Person    keys.Person // asked for the passphrase of the vault
	Host      string      // as given to ssh: what a login there would do; "": what holds for every host
	SSHConfig string      // as given to ssh -F; "": ssh's own
}

// Examine makes every check. It asks nobody, signs nothing, and sends nothing to a card or a host.
func Examine(ctx context.Context, p Patient) []Check {
	ctx, cancel := context.WithTimeout(ctx, partLimit)
	defer cancel()
	client := broker.Client(&p.Config)
	status, err := client.Status(ctx)
	one := func(check func() Check) func() []Check { return func() []Check { return []Check{check()} } }
	return examine([]part{
		{"configuration", func() []Check { return append([]Check{p.checkConfiguration()}, p.checkFixed()...) }},
		{"broker", func() []Check { return p.checkBroker(status, err) }},
		{"programs", p.checkPrograms},
		{sockVariable, p.checkEnvironment},
		{"session", func() []Check { return p.checkSession(ctx) }},
		{"other agents", func() []Check { return checkAgents(status.PID) }},
		{"agent socket", one(func() Check { return p.checkAgent(ctx) })},
		{"keychain", one(func() Check { return p.checkKeychain(ctx) })},
		{sealedKeys, func() []Check { return p.checkVault(ctx) }},
		{"smartcards", func() []Check { return p.checkCards(status.PID) }},
		{"prompt", one(func() Check { return p.checkPrompt(status.Prompt) })},
		{"desktop", func() []Check { return p.checkDesktopVersion(ctx) }},
		{"tray", func() []Check { return checkTray(ctx) }},
		{"file modes", checkModes},
		{"clock", func() []Check { return p.checkClock() }},
		{"ssh", func() []Check { return p.checkSSH(ctx, client) }},
		{"audit log", one(func() Check { return p.checkAudit(ctx, client) })},
	}, partLimit)
}

func (p *Patient) checkConfiguration() Check {
	if p.Err != nil {
		return failed("configuration", p.Err)
	}
	if _, err := os.Stat(p.Config.Paths.ConfigFile); errors.Is(err, fs.ErrNotExist) {
		return fine("configuration", "the defaults: there is no "+p.Config.Paths.ConfigFile)
	}
	return fine("configuration", p.Config.Paths.ConfigFile)
}

// checkFixed lists what the machine's owner has fixed, and which of the user's settings
// are ignored for that reason.
func (p *Patient) checkFixed() (list []Check) {
	for _, f := range p.Config.Fixed {
		c := fine("fixed", fmt.Sprintf("%s = %s, fixed by %s", f.Setting, f.Value, f.By))
		if f.NotTaken != "" {
			c.Result, c.Text = "note", fmt.Sprintf("%s: your %s is ignored; %s is fixed by %s", f.Setting, f.NotTaken, f.Owner, f.By)
			c.Remedy = "remove it from " + p.Config.Paths.ConfigFile
		}
		list = append(list, c)
	}
	return list
}

func (p *Patient) checkBroker(status control.Status, err error) []Check {
	if err != nil {
		return []Check{failed("broker", broker.NotRunning(err))}
	}
	checks := []Check{fine("broker", fmt.Sprintf("version %s, process %d", status.Version, status.PID))}
	if status.Version != p.Version {
		checks = append(checks, noted("broker", broker.OtherVersion(status.Version, p.Version), broker.StartAgain(status.PID)))
	}
	if a := status.Approve; a != nil {
		checks = append(checks, noted("approve", fmt.Sprintf("terminal %s answers questions: process %d, %s", a.Terminal, a.PID, a.Program),
			fmt.Sprintf("if that is not you: kill %d", a.PID)))
	}
	for _, problem := range status.Problems {
		checks = append(checks, broken("broker", problem.What, problem.Remedy))
	}
	for _, problem := range status.Soon {
		checks = append(checks, noted("broker", problem.What, problem.Remedy))
	}
	checks = append(checks, fine("protection", strings.Join(status.Protection, ", ")))
	for _, note := range status.Hardening {
		checks = append(checks, noted("hardening", note, ""))
	}
	return checks
}

func (p *Patient) checkAgent(ctx context.Context) Check {
	if err := platform.CheckPrivateDir(filepath.Dir(p.Config.Paths.AgentSocket)); err != nil { // no broker starts there
		return failed("agent socket", err).with(chmodFix(filepath.Dir(p.Config.Paths.AgentSocket), 0o700))
	}
	conn, err := platform.Dial(ctx, p.Config.Paths.AgentSocket)
	if err != nil {
		return broken("agent socket", platform.Plain(err), "start the broker: keybroker daemon")
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	list, err := sshagent.NewClient(conn).List()
	if err != nil {
		return broken("agent socket", "it does not answer: "+platform.Plain(err), "start it again: "+platform.RestartBroker)
	}
	return fine("agent socket", keys.Counted(len(list), "key")+" listed")
}

func (p *Patient) checkKeychain(ctx context.Context) Check {
	chain := keychain.System(filepath.Join(p.Config.Paths.DataDir, "vault"))
	switch err := chain.Available(ctx); {
	case err == nil:
		return fine("keychain", chain.Name())
	case errors.Is(err, keychain.ErrLocked):
		return noted("keychain", chain.Name()+" is locked; a signature asks to unlock it", "unlock it: log in to the desktop, or open its password program")
	default:
		text := "none, so new keys are sealed by a passphrase"
		if !errors.Is(err, keychain.ErrAbsent) {
			text += ": " + platform.Plain(err)
		}
		return noted("keychain", text, "to have one: "+platform.StartKeychain)
	}
}

// checkPrompt says how the running broker asks, or how one would that was started from here.
func (p *Patient) checkPrompt(running string) Check {
	if way, _, _ := strings.Cut(running, " "); way == ways.PromptNone {
		return noted("prompt", "the broker can ask nobody: what no rule allows is refused", "in a terminal of yours: keybroker approve; or write a rule: man keybroker-policy")
	}
	if running != "" {
		return fine("prompt", "the broker asks by "+running)
	}
	prompter, err := paired.New(ways.Config{Prompt: p.Config.Confirm.Prompt, Pinentry: p.Config.Confirm.Pinentry, Terminal: terminal.Open()})
	if err != nil {
		return broken("prompt", platform.Plain(err), "set [confirm] prompt in config.toml to what is installed: man keybroker-config")
	}
	return fine("prompt", "a broker started from here would ask by "+prompter.Name())
}

func (p *Patient) checkAudit(ctx context.Context, client *control.Client) Check {
	if err := platform.CheckTrustedDir(filepath.Dir(p.Config.AuditDir())); err != nil { // no broker starts
		return failed("audit log", err).with(chmodFix(filepath.Dir(p.Config.AuditDir()), 0o755))
	}
	report, err := broker.CheckLog(ctx, &p.Config, client)
	switch {
	case err != nil:
		return broken("audit log", platform.Plain(err), "check the directory: ls -ld "+platform.ShellWord(p.Config.AuditDir()))
	case report.Bad != nil:
		return broken("audit log", report.Bad.String(), "keybroker log verify")
	}
	if len(report.Files) == 0 {
		return noted("audit log", "there is none yet", "the broker creates it with its first record: keybroker daemon")
	}
	if report.Unread > 0 {
		check := fine("audit log", fmt.Sprintf("%s: the last %d and samples of the others are intact", keys.Counted(int(report.Records), "record"), report.Records-report.Unread))
		check.Remedy = "to read all of them: keybroker log verify"
		return check
	}
	return fine("audit log", keys.Counted(int(report.Records), "record")+", intact")
}
