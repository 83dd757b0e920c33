package service

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Account is the broker of a service account, which the system's systemd runs.
type Account struct {
	Name    string
	Program string
	Version string
	Root    string // "" or, in tests, a directory in place of /
}

// Where the files of accounts are.
const (
	accountConfig  = "/etc/keybroker"
	systemUnits    = "/etc/systemd/system"
	packageUnits   = "/usr/lib/systemd/system"
	localUnits     = "/usr/local/lib/systemd/system"
	credentials    = "/etc/credstore.encrypted"
	accountRuntime = "/run/keybroker"
	accountState   = "/var/lib/keybroker"
)

// templates are the units, with the account as their instance.
var templates = []string{"keybroker@.service", "keybroker@.socket", "keybroker-control@.socket"}

// passphraseSize is the number of random bytes in the passphrase of a vault.
const passphraseSize = 32

// plainName is an account whose name is its name in units and paths, too.
var plainName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`) })

// OfAccount checks the account's name. It needs root.
func OfAccount(name, version string) (Account, error) {
	if !plainName().MatchString(name) {
		return Account{}, problem.New(fmt.Sprintf("%q cannot be the name of an account", platform.Escape(name, 40)), "give the name of an account of this machine: letters, digits, _ and -")
	}
	if os.Geteuid() != 0 {
		return Account{}, problem.With(errors.New("only root sets up a service of the system"), "sudo keybroker service … --system --user %s", name)
	}
	if _, err := user.Lookup(name); err != nil {
		return Account{}, problem.With(fmt.Errorf("there is no account %s", name), "make one: useradd --system --create-home %s", name)
	}
	program, err := ownProgram()
	return Account{Name: name, Program: program, Version: version}, err
}

func (a Account) manifest() string {
	return filepath.Join(a.Root+accountConfig, a.Name+".service.json")
}

// accountPath is PATH for commands that run as an account: root's may lead elsewhere.
const accountPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// shownBy are variables of root's that say how a command shows what it has to say.
var shownBy = []string{"TERM", "COLORTERM", "NO_COLOR", "TZ", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME"}

// TakeEnvironment gives this process the environment of a command that runs as the account:
// what it needs to reach the account's broker, its keys and its log. Every program of the
// account can read it, so nothing else of root's stays: not a token in a variable, and not
// the socket of root's agent.
func (a Account) TakeEnvironment() error {
	of, err := user.Lookup(a.Name)
	if err != nil {
		return err
	}
	state := accountState + "/" + a.Name
	all := []string{"HOME", of.HomeDir, "USER", a.Name, "LOGNAME", a.Name, "PATH", accountPath,
		"XDG_RUNTIME_DIR", accountRuntime + "/" + a.Name, "XDG_STATE_HOME", state, "XDG_DATA_HOME", state}
	for _, name := range shownBy {
		if value, there := os.LookupEnv(name); there {
			all = append(all, name, value)
		}
	}
	os.Clearenv()
	for pair := range slices.Chunk(all, 2) {
		if err := os.Setenv(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// Config is the account's configuration, which only root may change.
func (a Account) Config() string { return filepath.Join(accountConfig, a.Name+".toml") }

// Socket is what SSH_AUTH_SOCK is for programs of the account.
func (a Account) Socket() string { return accountRuntime + "/" + a.Name + "/keybroker/agent.sock" }

func (a Account) credential() string { return filepath.Join(a.Root+credentials, "keybroker."+a.Name) }

// changes are the units, unless a package has installed them, what enables them, and a
// configuration to begin with.
func (a Account) changes() []Change {
	dir := a.packaged()
	var list []Change
	if dir == "" {
		dir = a.Root + systemUnits
		for _, name := range templates {
			list = append(list, Change{Kind: File, Path: filepath.Join(dir, name), Text: a.unit(name), Why: "a unit for service accounts"})
		}
	}
	for _, name := range []string{"keybroker@.socket", "keybroker-control@.socket"} {
		instance := strings.Replace(name, "@", "@"+a.Name, 1)
		list = append(list, Change{Kind: Link, Path: filepath.Join(a.Root+systemUnits, "sockets.target.wants", instance), Text: filepath.Join(dir, name), Why: "enables it"})
	}
	return append(list, Change{Kind: Seed, Path: a.Root + a.Config(), Text: a.firstConfig(), Why: "to begin with: it allows nothing"})
}

func (a Account) unit(name string) string {
	return strings.ReplaceAll(shipped("systemd/system/"+name), "\nExecStart=/usr/bin/keybroker ", "\nExecStart="+unitWord(a.Program)+" ")
}

func (a Account) packaged() string {
	for _, dir := range []string{localUnits, packageUnits} {
		text, err := os.ReadFile(filepath.Join(a.Root+dir, templates[0]))
		if err == nil && strings.Contains(string(text), "\nExecStart="+unitWord(a.Program)+" ") {
			return a.Root + dir
		}
	}
	return ""
}

func (a Account) firstConfig() string {
	return `# The broker of the account ` + a.Name + `: keybroker-config(5), docs/servers.md.
[softkeys]
seal = "passphrase"
passphrase_file = "/run/credentials/keybroker@` + a.Name + `.service/passphrase"
[confirm]
prompt = "none"    # nobody can be asked: what no rule allows is refused

#[[rule]]
#name = "deploy"
#key = "deploy"
#host = "git.example.com"
#user = "git"
#purpose = "login"
#action = "allow"
`
}

// Install plans the installation for the account.
func (a Account) Install(ctx context.Context) (*Plan, error) {
	old, err := ReadManifest(a.manifest())
	if err != nil {
		return nil, err
	}
	wanted := a.changes()
	plan := &Plan{path: a.manifest(), folderMode: 0o755, manifest: Manifest{Format: manifestFormat, Program: a.Program, Version: a.Version, Options: Options{Start: Systemd}}}
	if err := errors.Join(checkFolders(wanted), plan.compare(wanted, old)); err != nil {
		return nil, err
	}
	if err := plan.addPassphrase(a.credential()); err != nil {
		return nil, err
	}
	m := findManager(ctx)
	if m == nil {
		plan.Notes = append(plan.Notes, "no systemd answers here: the broker is there after the next start of the machine")
		return plan, nil
	}
	if plan.touchesUnits() {
		plan.Commands = append(plan.Commands, m.command("systemd reads the units", "daemon-reload"))
	}
	if sockets := a.instances(templates[1:]); len(m.activeOf(ctx, sockets...)) < len(sockets) {
		plan.Commands = append(plan.Commands, m.command("the first request starts the broker", append([]string{"start"}, sockets...)...))
	}
	return plan, nil
}

func (a Account) instances(names []string) (list []string) {
	for _, name := range names {
		list = append(list, strings.Replace(name, "@", "@"+a.Name, 1))
	}
	return list
}

// Start starts the account's broker: its directories and its passphrase are there only
// then. Commands say what is missing without it.
func (a Account) Start(ctx context.Context) {
	if m := findManager(ctx); m != nil {
		_, _ = m.ask(ctx, "start", a.instances(templates[:1])[0])
	}
}

// addPassphrase has systemd encrypt a passphrase for the vault that nobody has seen, if
// there is none yet.
func (p *Plan) addPassphrase(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	raw := make([]byte, passphraseSize)
	if _, err := rand.Read(raw); err != nil {
		return err
	}
	text := base64.StdEncoding.AppendEncode(nil, raw)
	clear(raw)
	p.Commands = append(p.Commands,
		Command{Args: []string{"install", "-d", "-m", "0700", filepath.Dir(path)}, Why: "where systemd looks for credentials"},
		Command{Args: []string{"systemd-creds", "encrypt", "--name=passphrase", "-", path}, Why: "a random passphrase for the vault, which this machine alone can decrypt", input: text})
	return nil
}

// Uninstall plans the end of it. The units stay while other accounts use them.
func (a Account) Uninstall(ctx context.Context) (*Plan, error) {
	old, err := ReadManifest(a.manifest())
	if err != nil {
		return nil, err
	}
	if old == nil {
		return nil, ErrNothing
	}
	plan := &Plan{path: a.manifest(), folderMode: 0o755}
	if err := plan.compare(nil, old); err != nil {
		return nil, err
	}
	if others, _ := filepath.Glob(filepath.Join(a.Root+accountConfig, "*.service.json")); len(others) > 1 {
		plan.keepUnits()
	}
	plan.reverse()
	plan.Notes = append(plan.Notes, "the keys and the log stay in "+accountState+"/"+a.Name+", and the passphrase for them in "+a.credential())
	m := findManager(ctx)
	if m == nil {
		return plan, nil
	}
	if active := m.activeOf(ctx, a.instances([]string{templates[1], templates[2], templates[0]})...); len(active) > 0 {
		plan.First = append(plan.First, m.command("the broker and its sockets end", append([]string{"stop"}, active...)...))
	}
	if plan.touchesUnits() {
		plan.Commands = append(plan.Commands, m.command("systemd reads the units", "daemon-reload"))
	}
	return plan, nil
}

func (p *Plan) keepUnits() {
	for i, s := range p.Steps {
		if s.Kind == File && strings.Contains(filepath.Base(s.Path), "@.") {
			p.Steps[i].Action = Keep
		}
	}
}
