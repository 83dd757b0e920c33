package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/keybroker/keybroker/"

// arrows is which of our packages may import which (the table of the design).
// What is not here is forbidden.
var arrows = map[string][]string{
	// The ground floor. Every package may import problem and ascii.
	"problem":              {},                  // an error and what to do about it
	"keys/ascii":           {},                  // upper and lower case as OpenSSH has them
	"keys/publickey":       {},                  // kinds of public key that x/crypto does not read yet, and certificates for them
	"platform/confine":     {},                  // what this process may do no more
	"platform/secret":      {},                  // what a computation with a secret leaves in memory
	"keys/privatekey":      {"platform/secret"}, // private keys that Go's own crypto computes with
	"keys/pubformat":       {"keys/publickey"},
	"keys/sshsig":          {"keys/publickey", "platform"}, // runs ssh-keygen
	"wire":                 {"keys/publickey"},
	"platform":             {},
	"docs":                 {},
	"platform/bus":         {}, // where the D-Bus daemons are, and never a new one
	"platform/session":     {"platform/bus"},
	"platform/terminal":    {"platform"}, // of a command that a person typed
	"keys":                 {"keys/privatekey", "keys/publickey", "wire", "platform", "platform/secret"},
	"agent/policy":         {"keys", "wire", "platform"},
	"agent/audit":          {"keys", "wire", "platform"},
	"agent/audit/export":   {"agent/audit", "keys", "wire", "platform"},
	"agent/claims":         {"keys", "agent/audit", "platform"}, // what the person says of keys
	"confirm":              {"keys/publickey", "keys", "wire", "platform", "desktop/question"},
	"confirm/ways":         {"confirm", "keys", "platform", "desktop/question"},
	"confirm/paired":       {"confirm", "confirm/ways", "keys", "platform"},
	"desktop/question":     {},
	"desktop/guard":        {},
	"desktop/icon":         {},
	"desktop/plain":        {"desktop/question"},
	"desktop/window":       {"desktop/question", "desktop/guard", "desktop/icon", "platform", "platform/bus"},
	"desktop/taskdialog":   {"desktop/question", "desktop/guard", "desktop/plain", "platform"},
	"desktop/alert":        {"desktop/question", "desktop/plain", "platform"},
	"softkeys":             {"keys/privatekey", "keys/publickey", "keys", "platform", "platform/secret", "softkeys/keychain", "keys/pubformat"},
	"softkeys/keychain":    {"platform", "platform/bus"},
	"softkeys/keyfile":     {"softkeys", "softkeys/sshadd", "keys/pubformat", "platform", "platform/terminal"}, // asks for the passphrase of a file
	"softkeys/sshadd":      {"wire", "platform"},                                                               // it is an agent for one key, to the user's own ssh-add
	"piv":                  {"piv/pcsc", "platform"},                                                           // platform watches the directory of the service's socket
	"piv/pcsc":             {},
	"piv/cardkeys":         {"piv", "keys", "platform"},
	"piv/admin":            {"piv", "platform"},
	"sources/pkcs11":       {"keys/publickey", "keys", "platform"},
	"sources/fido":         {"keys", "wire", "platform"},
	"sources/certificates": {"keys/privatekey", "keys/publickey", "keys", "platform", "keys/pubformat"}, // of keys of every source
	"sources/upstream":     {"keys/publickey", "keys", "wire", "platform"},
	"agent":                {"keys/privatekey", "keys/publickey", "wire", "keys", "agent/policy", "agent/audit", "confirm", "platform", "platform/secret"},
	"agent/control":        {"keys", "agent/audit", "agent/policy", "platform", "platform/secret"},
	"broker/config":        {"agent/policy", "keys", "confirm", "confirm/ways", "piv/cardkeys", "sources/certificates", "platform"}, // what its settings are of
	"broker": {"platform/confine", "platform/secret", "broker/config", "agent", "agent/policy", "agent/audit", "agent/claims", "agent/control", "confirm", "confirm/ways", "confirm/paired", "softkeys", "softkeys/keychain",
		"piv", "piv/cardkeys", "sources/pkcs11", "sources/fido", "sources/certificates", "sources/upstream",
		"keys/publickey", "keys/pubformat", "keys", "platform", "platform/terminal", "platform/session"},
	"broker/doctor": {"broker", "broker/config", "agent/control", "agent/policy", "confirm/ways", "confirm/paired", "softkeys", "softkeys/keychain", "piv", "keys/pubformat", "keys",
		"platform", "platform/bus", "platform/terminal"},
	"cardadmin": {"agent/control", "piv", "piv/admin", "piv/cardkeys", "platform", "platform/terminal"},
	"sshagent": {"broker/config", "agent", "agent/policy", "agent/audit", "confirm", "confirm/ways", "softkeys", "sources/pkcs11", "sources/fido",
		"keys/publickey", "keys", "platform"},

	// What is signed for others to keep.
	"agent/audit/checkpoint": {"agent/audit", "keys", "keys/sshsig", "platform"},

	// What is shown on a desktop is a program of its own, and a client like others:
	// of the packages below it uses the types in which the broker answers.
	"tray":                  {"agent/control", "agent/audit", "keys", "agent/policy", "wire", "desktop/icon", "platform", "platform/bus"},
	"cmd/keybroker-desktop": {"cli/version", "tray", "agent/control", "desktop/question", "desktop/window", "desktop/taskdialog", "desktop/alert", "platform", "platform/confine"},

	// What has the system start the broker.
	"service":   {"packaging", "platform"},
	"packaging": {}, // the files themselves

	// What writes a file of the tree.
	"packaging/windows/manifest": {},

	// What makes a release.
	"packaging/packages": {},

	// What checks the tree for a system that is not here.
	"packaging/typecheck": {},
	"packaging/site":      {}, // make site

	// What runs the tests.
	"packaging/runtests": {"platform/apart"},

	// Fakes stand beside what they replace, for tests only.
	"keys/keystest":                {"keys", "keys/privatekey"},
	"agent/audit/audittest":        {"agent/audit", "keys", "wire"},
	"platform/apart":               {},
	"platform/platformtest":        {},
	"platform/session/sessiontest": {},
	"piv/pivtest":                  {},
	"piv/pivtest/cmd/pivcard":      {"piv/pivtest"},
	"confirm/confirmtest":          {"confirm", "keys", "platform", "wire"},
	"desktop/desktoptest":          {},
	"desktop/waylandtest":          {"desktop/desktoptest", "platform/platformtest"},
	"softkeys/softkeystest":        {"softkeys", "softkeys/keychain", "platform/platformtest"},

	// What follows keys on other hosts is a program of its own too.
	"cli/version":                  {},
	"cli":                          {"keys", "platform", "platform/terminal"}, // what command lines share
	"lifecycle":                    {},
	"lifecycle/authorized":         {"keys/publickey"},
	"lifecycle/hosts":              {"lifecycle", "lifecycle/authorized", "platform"},
	"lifecycle/inventory":          {"lifecycle", "lifecycle/authorized", "lifecycle/hosts", "agent/audit", "agent/control", "keys/pubformat", "keys/publickey", "keys", "wire", "platform"},
	"lifecycle/store":              {"lifecycle"},
	"lifecycle/collect":            {"lifecycle", "lifecycle/authorized", "platform"},
	"lifecycle/report":             {"lifecycle", "platform"},
	"lifecycle/plan":               {"lifecycle", "lifecycle/authorized", "lifecycle/hosts", "lifecycle/store", "lifecycle/plan/clientconfig", "lifecycle/forge", "agent/audit", "keys", "keys/publickey", "keys/sshsig", "platform"},
	"lifecycle/forge":              {"lifecycle/authorized", "platform"},
	"lifecycle/forge/forgetest":    {},
	"lifecycle/plan/clientconfig":  {"lifecycle", "keys", "platform"},
	"lifecycle/store/postgrestest": {},
	"cmd/keybroker-lifecycle":      {"cli/version", "lifecycle", "lifecycle/authorized", "agent/audit", "lifecycle/hosts", "lifecycle/plan/clientconfig", "lifecycle/plan", "lifecycle/forge", "keys/sshsig", "lifecycle/inventory", "lifecycle/store", "lifecycle/report", "lifecycle/collect", "cli", "broker/config", "agent/control", "keys", "platform", "platform/terminal"},

	// What checks agents of any make. It shares nothing with ours that could be wrong in both.
	"conformance":      {},
	"cmd/agentconform": {"cli/version", "conformance", "cli", "platform", "platform/terminal"},

	// x/crypto's keyring on a socket, to be tried.
	"packaging/agentconform/keyring": {},

	"cmd/keybroker": {"cli/version", "cli", "service", "broker", "broker/config", "broker/doctor", "cardadmin", "sshagent", "agent/policy", "agent/audit", "agent/audit/export", "agent/audit/checkpoint", "agent/control", "confirm", "confirm/ways", "confirm/paired",
		"softkeys", "softkeys/keychain", "softkeys/sshadd", "softkeys/keyfile", "piv", "piv/admin", "piv/cardkeys", "sources/certificates",
		"keys/publickey", "keys/pubformat", "keys/sshsig", "wire", "keys", "platform", "platform/terminal", "docs"},
}

// forbidden are arrows that somebody may want to draw, with what they would break.
var forbidden = map[[2]string]string{
	{"agent", "softkeys"}:       "the agent knows keys.Source only, so that a new kind of key changes nothing in it",
	{"softkeys", "agent"}:       "a source of keys must not be able to decide",
	{"softkeys", "confirm"}:     "a source asks through the keys.Person that it is given",
	{"agent", "confirm/ways"}:   "the agent asks a Prompter: how the person is reached is nothing to it",
	{"confirm", "confirm/ways"}: "a new way to ask changes nothing in the queue",
	{"agent/policy", "confirm"}: "policy is pure: it says ask, it does not ask",
	{"agent/control", "agent"}:  "the control socket sees a Broker, nothing that could approve",
	{"agent/control", "wire"}: "the control socket does not speak the agent protocol, and cannot be " +
		"reached through a forwarded agent",
	{"piv", "piv/admin"}:              "nothing that signs needs to know what a command checks",
	{"agent/policy", "broker/config"}: "rules are values: where they were written is the configuration's",
	{"broker", "cardadmin"}:           "the daemon administers no card: the command does, in its own process",
	{"broker", "piv/admin"}:           "the process that holds keys administers no card",
	{"cmd/keybroker", "agent"}:        "a command decides nothing",
	{"agent", "piv/admin"}:            "the process that holds keys administers no card",
	{"conformance", "wire"}:           "the suite must not have the parser's blind spots",
	{"platform", "keys"}:              "platform is what the system says, not what the broker makes of it",
}

// outside are modules that only the named packages may import, and why.
var outside = map[string]struct {
	only []string
	why  string
}{
	"github.com/godbus/dbus":       {[]string{"platform/bus", "platform/session", "platform/session/sessiontest", "softkeys/keychain", "softkeys/softkeystest", "tray", "desktop/window"}, "a bus in another package would be another way in"},
	"filippo.io/age":               {[]string{"softkeys"}, "sealing is one place's work"},
	"github.com/spf13":             {[]string{"cli", "cmd/keybroker", "cmd/keybroker-lifecycle", "cmd/agentconform"}, "the command line is not the library"},
	"github.com/jedib0t/go-pretty": {[]string{"cli", "cmd/keybroker", "cmd/keybroker-lifecycle", "cmd/agentconform"}, "tables are for commands; nothing that decides prints one"},
	"github.com/cloudflare":        {[]string{"keys/publickey"}, "until x/crypto or Go has ML-DSA"},
	"fyne.io":                      {[]string{"tray"}, "no GUI toolkit in the process that holds keys"},
	"gioui.org":                    {nil, "no GUI toolkit in the process that holds keys"},
	"github.com/jezek/xgb":         {[]string{"desktop/window", "bench"}, "only the window program draws"},
	"golang.org/x/image":           {[]string{"desktop/window"}, "only the window program draws"},
	"go.yaml.in":                   {[]string{"lifecycle/inventory"}, "inventories of ansible are read in one place"},
	"golang.org/x/text":            {[]string{"desktop/window", "confirm/ways"}, "for its tables of keyboards and of wide characters only"},
	"github.com/ebitengine/purego": {[]string{"desktop/alert", "piv/pcsc"}, "it calls libraries of the system: the alert of macOS, and PC/SC"},
	"modernc.org":                  {[]string{"lifecycle/store"}, "SQL is one room's work, and never in the process that holds keys"},
	"github.com/jackc":             {[]string{"lifecycle/store"}, "SQL is one room's work, and never in the process that holds keys"},
	"database/sql":                 {[]string{"lifecycle/store"}, "SQL is one room's work, and never in the process that holds keys"},
	"github.com/pkg/sftp":          {[]string{"lifecycle/hosts"}, "one room talks to hosts, and never the process that holds keys"},
	"github.com/landlock-lsm":      {[]string{"platform/confine"}, "it takes rights from the whole process"},
	"html/template":                {[]string{"lifecycle/report", "packaging/site"}, "pages are for reports, and for the site, which no program links"},
	"github.com/BurntSushi/toml":   {[]string{"broker/config"}, "files are decoded strictly, in one place"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p pkg
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 10 {
		t.Fatalf("only %d packages seen", len(list))
	}
	return list
}

func TestArrowsPointDownwards(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		// What measures and tries the programs from outside.
		if from == "bench" || strings.HasPrefix(from, "bench/") || from == "chaos" {
			continue
		}
		may, known := arrows[from]
		if !known {
			t.Errorf("%s is in no row of the table: where does it belong?", from)
			continue
		}
		for _, imported := range p.Imports {
			to, ours := strings.CutPrefix(imported, module)
			if ours && to != "problem" && to != "keys/ascii" && !slices.Contains(may, to) {
				t.Errorf("%s may not import %s: %s", from, to, forbidden[[2]string{from, to}])
			}
		}
	}
}

func TestModulesStayInTheirPlace(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			for prefix, rule := range outside {
				if strings.HasPrefix(imported, prefix) && !slices.Contains(rule.only, from) {
					t.Errorf("%s may not import %s: %s", from, imported, rule.why)
				}
			}
		}
	}
}

func TestForbiddenArrowsAreNotInTheTable(t *testing.T) {
	for arrow, why := range forbidden {
		if slices.Contains(arrows[arrow[0]], arrow[1]) {
			t.Errorf("%s -> %s is allowed by the table, but: %s", arrow[0], arrow[1], why)
		}
	}
}

// notOfKeyHolder is what the process that holds keys must not link, however deep: what
// draws, and what the life of keys needs.
var notOfKeyHolder = []string{"github.com/jezek/xgb", "golang.org/x/image", "fyne.io/", "gioui.org", module + "tray", module + "desktop/window", module + "desktop/taskdialog",
	module + "desktop/alert",
	module + "lifecycle/", "database/sql", "modernc.org/", "github.com/jackc/", "html/template", "github.com/pkg/sftp"}

func TestKeyHolderLinksNothingForOthers(t *testing.T) {
	of := func(program string) string {
		out, err := exec.Command("go", "list", "-deps", module+program).Output()
		if err != nil {
			t.Fatal(err)
		}
		return "\n" + string(out)
	}
	broker, desktop, lifecycle := of("cmd/keybroker"), of("cmd/keybroker-desktop"), of("cmd/keybroker-lifecycle")
	for _, name := range notOfKeyHolder {
		if strings.Contains(broker, "\n"+name) {
			t.Errorf("cmd/keybroker links %s: what draws belongs into cmd/keybroker-desktop, and the life of keys into cmd/keybroker-lifecycle", name)
		}
	}
	if !strings.Contains(desktop, "\n"+notOfKeyHolder[0]) {
		t.Error("cmd/keybroker-desktop draws with nothing: does this test look in the right place?")
	}
	if !strings.Contains(lifecycle, "\n"+module+"lifecycle/store\n") || !strings.Contains(lifecycle, "\nmodernc.org/sqlite\n") {
		t.Error("cmd/keybroker-lifecycle has no store: does this test look in the right place?")
	}
}
