package inventory

import (
	"crypto/rsa"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"golang.org/x/crypto/ssh"
)

var (
	noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	web1 = lifecycle.Host{Key: "SHA256:web1", Name: "web1"}
	web2 = lifecycle.Host{Key: "SHA256:web2", Name: "web2"}
)

func daysAgo(n int) time.Time { return noon.AddDate(0, 0, -n) }

// example has a key of the broker, and one of somebody else, on web1.
func example() *lifecycle.Inventory {
	place := func(fingerprint string, line int) lifecycle.Place {
		return lifecycle.Place{Host: web1, Account: "anna", File: "/home/anna/.ssh/authorized_keys", Line: line, Fingerprint: fingerprint,
			Options: []string{`from="10.0.0.0/8"`}, FileTime: daysAgo(10)}
	}
	return &lifecycle.Inventory{
		Taken:  noon,
		Keys:   []lifecycle.Key{{Fingerprint: keyA, Type: "ssh-ed25519", Source: "softkeys", Names: []string{"work"}}, {Fingerprint: keyB, Type: "ssh-ed25519", Names: []string{"bob"}}},
		Hosts:  []lifecycle.Host{web1},
		Places: []lifecycle.Place{place(keyA, 1), place(keyB, 2)},
		Claims: []lifecycle.Claim{{Fingerprint: keyB, Owner: "Bob"}},
	}
}

// found are the kinds that count (warning or more), once each.
func found(inv *lifecycle.Inventory, c Criteria) []string {
	c.Now = noon
	var kinds []string
	for _, f := range Findings(inv, c) {
		if f.Row < 1 || f.Row > 22 || f.What == "" {
			kinds = append(kinds, "a finding without row or text: "+f.Kind)
		}
		if f.Severity > lifecycle.Info && !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// Each change of an inventory that is in order has its own finding, and no other.
func TestFindings(t *testing.T) {
	if kinds := found(example(), Criteria{}); len(kinds) > 0 {
		t.Fatalf("an inventory in order has %q", kinds)
	}
	file := lifecycle.Copy{Path: "/home/anna/.ssh/id", Fingerprint: keyA, Format: "OpenSSH", Mode: 0o600}
	for name, test := range map[string]struct {
		change func(inv *lifecycle.Inventory, c *Criteria)
		want   []string
	}{
		"a key that was terminated is back": {func(_ *lifecycle.Inventory, c *Criteria) {
			c.Tombstones = []lifecycle.Tombstone{{Fingerprint: keyB, Terminated: daysAgo(3), By: "anna@laptop"}}
		}, []string{"revenant"}},
		"a key that was terminated and restored": {func(_ *lifecycle.Inventory, c *Criteria) {
			c.Tombstones = []lifecycle.Tombstone{{Fingerprint: keyB, Terminated: daysAgo(3), Restored: daysAgo(2)}}
		}, nil},
		"nobody owns it":       {func(inv *lifecycle.Inventory, _ *Criteria) { inv.Claims = nil }, []string{"no-owner"}},
		"it has expired":       {func(inv *lifecycle.Inventory, _ *Criteria) { inv.Claims[0].Expires = daysAgo(1) }, []string{"expired"}},
		"it expires in a year": {func(inv *lifecycle.Inventory, _ *Criteria) { inv.Claims[0].Expires = noon.AddDate(1, 0, 0) }, nil},
		"root from everywhere": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Places[0].Account, inv.Places[0].Options = "root", nil
		}, []string{"no-from"}},
		"a shell as forced command": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Places[0].Options = append(inv.Places[0].Options, `command="/bin/bash -l"`)
		}, []string{"command-is-shell"}},
		"a whole shell for a program": {func(inv *lifecycle.Inventory, _ *Criteria) { inv.Claims[0].Purpose = "Automation: backup" }, []string{"automation-unrestricted"}},
		"not used in 90 days of the server's log": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Watches = []lifecycle.Watch{{Source: lifecycle.FromServer, Host: web1, Since: daysAgo(91), Until: noon}}
			inv.Places = inv.Places[:1]
		}, []string{"unused"}},
		"not used in 89 days": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Watches = []lifecycle.Watch{{Source: lifecycle.FromServer, Host: web1, Since: daysAgo(89), Until: noon}}
		}, nil},
		"a gap in the watching": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Watches = []lifecycle.Watch{{Source: lifecycle.FromServer, Host: web1, Since: daysAgo(180), Until: daysAgo(120)}, {Source: lifecycle.FromServer, Host: web1, Since: daysAgo(20), Until: noon}}
		}, nil},
		"another server's log": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Watches = []lifecycle.Watch{{Source: lifecycle.FromServer, Host: web2, Since: daysAgo(180), Until: noon}}
		}, nil},
		"the broker held the key and saw no use": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Watches = []lifecycle.Watch{{Source: lifecycle.FromBroker, Fingerprint: keyA, Since: daysAgo(91), Until: noon}}
		}, []string{"unused"}},
		"the broker ran, but held the key for a day": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Watches = []lifecycle.Watch{{Source: lifecycle.FromBroker, Since: daysAgo(91), Until: noon}, {Source: lifecycle.FromBroker, Fingerprint: keyA, Since: daysAgo(1), Until: noon}}
		}, nil},
		"a file has the key as well, so the broker does not see all": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Watches = []lifecycle.Watch{{Source: lifecycle.FromBroker, Fingerprint: keyA, Since: daysAgo(91), Until: noon}}
			inv.Copies = []lifecycle.Copy{file}
		}, nil},
		"used in the log": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Watches = []lifecycle.Watch{{Source: lifecycle.FromServer, Host: web1, Since: daysAgo(180), Until: noon}}
			for _, key := range inv.Keys {
				inv.Sightings = append(inv.Sightings, lifecycle.Sighting{Source: lifecycle.FromServer, Fingerprint: key.Fingerprint, Host: web1, Account: "anna", Last: daysAgo(5), Count: 1})
			}
		}, nil},
		"a probe is no use": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Watches = []lifecycle.Watch{{Source: lifecycle.FromServer, Host: web1, Since: daysAgo(180), Until: noon}}
			inv.Places = inv.Places[:1]
			inv.Sightings = []lifecycle.Sighting{{Source: lifecycle.FromProbe, Fingerprint: keyA, Host: web1, Account: "anna", Last: daysAgo(5), Count: 1}}
		}, []string{"unused"}},
		"clear text": {func(inv *lifecycle.Inventory, _ *Criteria) {
			clear := file
			clear.Clear = true
			inv.Copies = []lifecycle.Copy{clear}
		}, []string{"clear-private-key"}},
		"two files": {func(inv *lifecycle.Inventory, _ *Criteria) {
			other := file
			other.Path += ".bak"
			inv.Copies = []lifecycle.Copy{file, other}
		}, []string{"private-copies"}},
		"readable": {func(inv *lifecycle.Inventory, _ *Criteria) {
			open := file
			open.Mode = 0o640
			inv.Copies = []lifecycle.Copy{open}
		}, []string{"readable-private-key"}},
		"SSH-1": {func(inv *lifecycle.Inventory, _ *Criteria) {
			inv.Copies = []lifecycle.Copy{{Path: "/identity", Format: "SSH-1", Mode: 0o600}}
		}, []string{"weak-key"}},
		"a route to root": {func(inv *lifecycle.Inventory, _ *Criteria) {
			there := file
			there.Host, there.Clear = web2, true
			inv.Copies = []lifecycle.Copy{there}
			inv.Places[0].Account = "root"
			inv.Keys[0].Source = ""
		}, []string{"clear-private-key", "private-key-on-server", "route-to-root"}},
		"one key for a person and a server": {func(inv *lifecycle.Inventory, _ *Criteria) {
			there := file
			there.Host = web2
			inv.Copies = []lifecycle.Copy{there}
		}, []string{"private-key-on-server", "shared-with-server"}},
	} {
		t.Run(name, func(t *testing.T) {
			inv, criteria := example(), Criteria{}
			test.change(inv, &criteria)
			if kinds := found(inv, criteria); !slices.Equal(kinds, test.want) {
				t.Errorf("%q, not %q", kinds, test.want)
			}
		})
	}
}

// A key in clear text on web2 opens app on web3, where another one lies that opens root on web1.
func TestRoutesOverSeveralHosts(t *testing.T) {
	web3 := lifecycle.Host{Key: "SHA256:web3", Name: "web3"}
	inv := example()
	inv.Copies = []lifecycle.Copy{
		{Host: web2, Account: "bob", Path: ".ssh/id_a", Fingerprint: keyA, Clear: true, Mode: 0o600},
		{Host: web3, Account: "app", Path: ".ssh/id_b", Fingerprint: keyB, Clear: true, Mode: 0o600},
	}
	inv.Places = []lifecycle.Place{{Host: web3, Account: "app", File: "f", Line: 1, Fingerprint: keyA}, {Host: web1, Account: "root", File: "f", Line: 7, Fingerprint: keyB}}
	routes := func() (list []string) {
		for _, f := range Findings(inv, Criteria{Now: noon}) {
			if f.Kind == "route-to-root" {
				list = append(list, f.What)
			}
		}
		return list
	}
	direct := "line 7: whoever reads .ssh/id_b on web3 is root here"
	if got := routes(); !slices.Equal(got, []string{direct, "line 7: whoever reads .ssh/id_a on web2 gets by app@web3, and is root here"}) {
		t.Errorf("%q", got)
	}
	inv.Places[0].Options = []string{`command="backup"`}
	if got := routes(); !slices.Equal(got, []string{direct}) {
		t.Errorf("by a forced command: %q", got)
	}
	inv.Places[0].Options, inv.Copies[1].Account = nil, "www"
	if got := routes(); !slices.Equal(got, []string{direct}) {
		t.Errorf("by the key of another account: %q", got)
	}
}

// Row 17: a month without a look.
func TestNotMonitored(t *testing.T) {
	for days, want := range map[int]bool{30: false, 32: true} {
		found := slices.ContainsFunc(Findings(example(), Criteria{Now: noon, Previous: daysAgo(days)}), func(f lifecycle.Finding) bool { return f.Kind == "not-monitored" })
		if found != want {
			t.Errorf("%d days: %v", days, found)
		}
	}
}

func TestFromIsProposedFromWhatWasSeen(t *testing.T) {
	inv := example()
	inv.Places[0].Options = nil
	inv.Sightings = []lifecycle.Sighting{
		{Source: lifecycle.FromServer, Fingerprint: keyA, Host: web1, Account: "anna", From: "10.0.4.7", Last: noon, Count: 1},
		{Source: lifecycle.FromServer, Fingerprint: keyA, Host: web2, Account: "anna", From: "10.9.9.9", Last: noon, Count: 1},
	}
	i := slices.IndexFunc(Findings(inv, Criteria{Now: noon}), func(f lifecycle.Finding) bool { return f.Kind == "no-from" })
	if i < 0 {
		t.Fatal("not found")
	}
	if f := Findings(inv, Criteria{Now: noon})[i]; !strings.HasSuffix(f.What, "(only 10.0.4.7 was ever seen)") || f.Remedy != "keybroker terminate work anna@web1 && keybroker provision work anna@web1 --from 10.0.4.7" {
		t.Errorf("%+v", f)
	}
}

func TestForcedCommandsThatAreShells(t *testing.T) {
	for command, want := range map[string]bool{
		"/bin/sh": true, "bash -l": true, "$SSH_ORIGINAL_COMMAND": true, `sh -c "$SSH_ORIGINAL_COMMAND"`: true, "eval $SSH_ORIGINAL_COMMAND": true,
		"rsync --server .": false, "bash /opt/backup.sh": false, "sh -c backup": false, "internal-sftp": false, "": false, "logger $SSH_ORIGINAL_COMMAND": false,
	} {
		if isShell(command) != want {
			t.Errorf("%q: %v", command, !want)
		}
	}
}

// A key that is too weak is not sealed: another one takes its place.
func TestCureOfAKeyInClearText(t *testing.T) {
	for bits, want := range map[uint]string{1024: "keybroker rotate work --to OTHER, then rm /home/anna/.ssh/id_rsa", 3072: "keybroker keys import --delete /home/anna/.ssh/id_rsa"} {
		public, err := ssh.NewPublicKey(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537})
		if err != nil {
			t.Fatal(err)
		}
		inv := example()
		inv.Keys[0].Blob = public.Marshal()
		inv.Copies = []lifecycle.Copy{{Path: "/home/anna/.ssh/id_rsa", Fingerprint: keyA, Format: "PEM", Clear: true, Mode: 0o600}}
		cured := false
		for _, f := range Findings(inv, Criteria{Now: noon}) {
			if f.Kind == "clear-private-key" {
				cured = true
				if f.Remedy != want {
					t.Errorf("%d bits: %s", bits, f.Remedy)
				}
			}
		}
		if !cured {
			t.Errorf("%d bits: the file is not found", bits)
		}
	}
}

func TestCompare(t *testing.T) {
	before, after := example(), example()
	account := lifecycle.Account{Host: web1, Name: "anna"}
	before.Accounts, after.Accounts = []lifecycle.Account{account}, []lifecycle.Account{account}
	if d := Compare(before, after); !d.Appeared.Empty() || !d.Gone.Empty() {
		t.Errorf("nothing changed, but %+v", d)
	}
	after.Places[1].Line = 7 // moved
	if d := Compare(before, after); !d.Appeared.Empty() || !d.Gone.Empty() {
		t.Errorf("a line moved, but %+v", d)
	}
	after.Places = after.Places[1:]
	if d := Compare(before, after); len(d.Gone.Places) != 1 || d.Gone.Places[0].Fingerprint != keyA || !d.Appeared.Empty() {
		t.Errorf("%+v", d)
	}
	if d := Compare(after, before); len(d.Appeared.Places) != 1 || d.Changes(after)[0].Row != 16 {
		t.Errorf("%+v", d)
	}
	before.Accounts, after.Accounts = nil, nil // more lets keys in than could be seen
	if d := Compare(before, after); len(d.Gone.Places) != 1 {
		t.Errorf("of a file that was read: %+v", d)
	}
	if d := Compare(after, before); len(d.Appeared.Places) != 1 {
		t.Errorf("of a file that was read: %+v", d)
	}
	after.Places = nil // it was not reached
	if d := Compare(before, after); !d.Gone.Empty() {
		t.Errorf("of a host that was not read: %+v", d)
	}
}

// Texts from files and servers reach neither the terminal nor a shell as they are.
func TestHostileNames(t *testing.T) {
	inv := example()
	inv.Keys[1].Names = []string{"\x1b[2J$(rm -rf ~)\u202e"}
	inv.Keys[0].Names = []string{"`reboot`;x"}
	inv.Places[0].Options = nil
	inv.Places[0].Account = "a;reboot"
	for _, f := range Findings(inv, Criteria{Now: noon}) {
		if strings.ContainsAny(f.Remedy, "\x1b\u202e") || strings.Contains(f.Remedy, " `") || strings.Contains(f.Remedy, " a;") {
			t.Errorf("remedy: %q", f.Remedy)
		}
	}
	for _, row := range Rows(inv) {
		if strings.ContainsAny(row.Key+row.Opens+row.LastUsed+row.Findings, "\x1b\u202e") {
			t.Errorf("row: %q", row)
		}
	}
	var out strings.Builder
	inv.Places[0].Comment = `=HYPERLINK("http://evil")`
	if err := WriteCSV(&out, inv); err != nil || strings.Contains(out.String(), `,"=HYPERLINK`) || !strings.Contains(out.String(), `,"'=HYPERLINK`) {
		t.Errorf("%v %s", err, out.String())
	}
}

func TestServersWithOneHostKey(t *testing.T) {
	result := func(name, machine string) HostResult {
		inv := example()
		host := lifecycle.Host{Key: "SHA256:same", Name: name}
		inv.Hosts[0] = host
		for i := range inv.Places {
			inv.Places[i].Host = host
		}
		return HostResult{Target: name, Account: "anna", Machine: machine, Found: *inv}
	}
	for name, test := range map[string]struct {
		results []HostResult
		places  int
		kind    string
	}{
		"one server with two names": {[]HostResult{result("web1", "a"), result("web1.example", "a")}, 2, "one-host-key"},
		"a copied server":           {[]HostResult{result("web1", "a"), result("web2", "b")}, 4, "copied-host-key"},
		"not known":                 {[]HostResult{result("web1", ""), result("web2", "")}, 4, "one-host-key"},
	} {
		servers, places := newServers(), 0
		for _, r := range test.results {
			places += len(servers.fresh(r).Places)
		}
		if f := servers.findings(); len(f) != 1 || f[0].Kind != test.kind || f[0].Row != 20 || places != test.places {
			t.Errorf("%s: %d places, %+v", name, places, f)
		}
	}
}
