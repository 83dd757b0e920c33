package plan

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys/sshsig"
	"github.com/keybroker/keybroker/lifecycle/authorized"
)

// person makes a key pair with ssh-keygen.
func person(t *testing.T, dir, name string) (path, line, fingerprint string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	line = strings.TrimSpace(string(data))
	blob, ok := blobOf(strings.Fields(line)[1])
	if !ok {
		t.Fatalf("%q", line)
	}
	return path, line, authorized.Fingerprint(blob)
}

func TestApprovals(t *testing.T) {
	dir := t.TempDir()
	signers := "# persons\n"
	keyOf, printOf := map[string]string{}, map[string]string{}
	for _, who := range []string{"bob@example.com", "carol@example.com", "anna@example.com", "dora@example.com", "dora2", "eve"} {
		path, line, fingerprint := person(t, dir, who)
		keyOf[who], printOf[who] = path, fingerprint
		name := who
		if who == "dora2" {
			name = "dora@example.com"
		}
		if who != "eve" {
			signers += name + ` namespaces="` + PlanNamespace + `" ` + line + "\n"
		}
	}
	p := New(Provision, newKey, Requester{Actor: "anna@laptop", Keys: []string{printOf["dora@example.com"]}}, time.Now())
	data, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	approval := func(who, namespace string, data []byte) Approval {
		armoured, err := sshsig.Sign(t.Context(), "", data, keyOf[who], namespace)
		if err != nil {
			t.Fatal(err)
		}
		return Approval{who, armoured}
	}
	by := func(who ...string) (list []Approval) {
		for _, w := range who {
			list = append(list, approval(w, PlanNamespace, data))
		}
		return list
	}
	two := Approvals{Needed: 2, Signers: []byte(signers), Kinds: []Kind{Provision}, Elsewhere: true}
	for name, c := range map[string]struct {
		approvals []Approval
		want      string // "": enough
	}{
		"two persons":             {by("bob@example.com", "carol@example.com"), ""},
		"two and a stranger":      {by("eve", "bob@example.com", "carol@example.com"), ""},
		"one":                     {by("bob@example.com"), "has 1 approval, and the machine's owner asks for 2"},
		"one twice":               {by("bob@example.com", "bob@example.com"), "bob@example.com has approved the plan already"},
		"the requester's key":     {by("bob@example.com", "dora@example.com"), "it is by a key of the requester"},
		"another key of that one": {by("bob@example.com", "dora2"), "dora@example.com is the requester"},
		"the requester's name":    {by("bob@example.com", "anna@example.com"), "anna@example.com is the requester"},
		"a stranger":              {by("bob@example.com", "eve"), "the signer is not in the file of allowed signers"},
		"for another purpose":     {append(by("bob@example.com"), approval("carol@example.com", "file", data)), `it was made for "file"`},
		"of another plan":         {append(by("bob@example.com"), approval("carol@example.com", PlanNamespace, append(data, ' '))), "it was changed after it was signed"},
		"garbage":                 {append(by("bob@example.com"), Approval{"x", []byte("no signature")}), "x: "},
		"none":                    {nil, "has 0 approvals"},
	} {
		_, err := two.Check(t.Context(), &p, data, Requester{}, c.approvals)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A certificate is of the key that it certifies.
	authority, line, _ := person(t, dir, "authority")
	if out, err := exec.Command("ssh-keygen", "-q", "-s", authority, "-I", "x", "-n", "dora3@example.com", keyOf["dora@example.com"]+".pub").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	certified, err := sshsig.Sign(t.Context(), "", data, keyOf["dora@example.com"]+"-cert.pub", PlanNamespace)
	if err != nil {
		t.Fatal(err)
	}
	trusted := Approvals{Needed: 1, Signers: []byte("*@example.com cert-authority " + line + "\n"), Kinds: []Kind{Provision}, Elsewhere: true}
	if _, err := trusted.Check(t.Context(), &p, data, Requester{}, []Approval{{"certificate", certified}}); err == nil || !strings.Contains(err.Error(), "it is by a key of the requester") {
		t.Errorf("the requester's key in a certificate: %v", err)
	}
	p.By.Keys = nil
	if _, err := trusted.Check(t.Context(), &p, data, Requester{}, []Approval{{"certificate", certified}}); err != nil {
		t.Errorf("a certificate of another person's key: %v", err)
	}
	// Another account carries it out only where the machine's owner allows that.
	here := two
	here.Elsewhere = false
	for actor, want := range map[string]bool{"anna@laptop": true, "anna@server": false, "bert@laptop": false} {
		if _, err := here.Check(t.Context(), &p, data, Requester{Actor: actor}, by("bob@example.com", "carol@example.com")); (err == nil) != want || err != nil && !strings.Contains(err.Error(), "was made by anna@laptop") {
			t.Errorf("applied by %s: %v", actor, err)
		}
	}
	// Who applies the plan does not count either.
	if _, err := two.Check(t.Context(), &p, data, Requester{Actor: "carol@web"}, by("bob@example.com", "carol@example.com")); err == nil {
		t.Error("who applies the plan has approved it")
	}
	if _, err := two.Check(t.Context(), &Plan{Kind: Terminate}, data, Requester{}, nil); err != nil {
		t.Errorf("a kind that needs none: %v", err)
	}
}

// A plan that goes on needs its approvals as the machine's owner asks for them now, as
// long as it lets a key in.
func TestApprovalsHoldLater(t *testing.T) {
	path, line, _ := person(t, t.TempDir(), "bob")
	p := New(Provision, newKey, Requester{Actor: "anna@laptop"}, time.Now())
	p.Places = []Place{{Target: "deploy@web1", Account: "deploy"}}
	data, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	armoured, err := sshsig.Sign(t.Context(), "", data, path, PlanNamespace)
	if err != nil {
		t.Fatal(err)
	}
	begun := func(change func(run *Run)) *Run {
		decoded, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		run := &Run{Plan: decoded, Steps: decoded.steps(), Approved: Approved{File: data, Approvals: []Approval{{"bob.sig", armoured}}}}
		change(run)
		return run
	}
	one := Approvals{Needed: 1, Signers: []byte("bob@example.com " + line + "\n"), Kinds: []Kind{Provision}}
	for name, c := range map[string]struct {
		wanted Approvals
		change func(*Run)
		want   string // "": it may go on
	}{
		"as approved":            {one, func(*Run) {}, ""},
		"none were needed":       {one, func(run *Run) { run.Approved = Approved{} }, "is not approved as the machine's owner asks now"},
		"two are needed now":     {Approvals{2, one.Signers, one.Kinds, false}, func(*Run) {}, "has 1 approval, and the machine's owner asks for 2"},
		"the approver has left":  {Approvals{1, []byte("carol " + line[:20] + "\n"), one.Kinds, false}, func(*Run) {}, "the signer is not in the file"},
		"another host":           {one, func(run *Run) { run.Plan.Places[0].Target = "deploy@db1" }, "not the one that was approved"},
		"another step":           {one, func(run *Run) { run.Steps[1].Kind = StepAdd }, "not the one that was approved"},
		"nothing is let in":      {Approvals{2, one.Signers, one.Kinds, false}, func(run *Run) { run.Steps[0].State, run.Steps[1].State = Done, Done }, ""},
		"no approvals are asked": {Approvals{}, func(run *Run) { run.Approved = Approved{} }, ""},
	} {
		err := c.wanted.CheckAgain(t.Context(), begun(c.change), Requester{Actor: "anna@laptop"})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlanFileIsStrict(t *testing.T) {
	p := New(Provision, newKey, Requester{Actor: "anna@laptop"}, time.Now())
	p.Places = []Place{{Target: "deploy@web1"}}
	data, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(data); err != nil || got.ID != p.ID {
		t.Fatalf("%+v, %v", got, err)
	}
	text := string(data)
	for name, changed := range map[string]string{
		"unknown field":    strings.Replace(text, `"format"`, `"hidden": 1, "format"`, 1),
		"another blob":     strings.Replace(text, newKey.Fingerprint, oldKey.Fingerprint, 1),
		"an option":        strings.Replace(text, "deploy@web1", "-oProxyCommand=x", 1),
		"a path as a name": strings.Replace(text, p.ID, "../../x", 1),
		"something behind": text + "{}",
		"a field twice":    strings.Replace(text, `"places"`, `"options": [],  "places"`, 1),
		"in capitals":      strings.Replace(text, `"places"`, `"OPTIONS": ["agent-forwarding"], "places"`, 1),
		"another layout":   strings.Replace(text, "\n", "\n\n", 1),
		"another format":   strings.Replace(text, `"format": 1`, `"format": 2`, 1),
		"another kind":     strings.Replace(text, `"kind": "provision"`, `"kind": "terminate"`, 1),
	} {
		if changed == text {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, err := Decode([]byte(changed)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestPlanLetsInItsKeyAlone: what goes onto a server is the key that people approve.
func TestPlanLetsInItsKeyAlone(t *testing.T) {
	for name, c := range map[string]struct {
		options []string
		comment string
		bad     bool
	}{
		"options":                    {[]string{"restrict", `from="10.0.0.0/8,192.0.2.1"`, `command="a \"b\""`}, "kb:2026-11-27 (anna)", false},
		"bytes that are no text":     {nil, "anna\xff", false},
		"none":                       {nil, "", false},
		"a key in the options":       {[]string{"restrict " + Line(oldKey)}, "", true},
		"a key instead of them":      {[]string{Line(oldKey) + " x"}, "", true},
		"a line in the comment":      {nil, "x\n" + Line(oldKey), true},
		"a line in the options":      {[]string{"restrict " + Line(oldKey) + "\nrestrict"}, "", true},
		"two options that look one":  {[]string{"restrict,pty"}, "", true},
		"options that end too early": {[]string{`restrict,command="x" `}, "", true},
	} {
		p := New(Provision, newKey, Requester{Actor: "anna@laptop"}, time.Now())
		p.Places, p.Options, p.Comment = []Place{{Target: "deploy@web1"}}, c.options, c.comment
		data, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Decode(data)
		if c.bad && (err == nil || !strings.Contains(err.Error(), "something else than its key")) || !c.bad && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheWayBackAddsThePlansKeyAlone(t *testing.T) {
	lines := []Addition{{"f", Line(newKey) + " planted"}, {"f", "pty " + Line(oldKey)}, {"g", Line(oldKey)}}
	if got, err := withLines([]byte("# mine\n"), oldKey.Blob, "t-abcdef", lines, "f"); err != nil || string(got) != "# mine\npty "+Line(oldKey)+"\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]Target{
		"web1": {"", "web1", 0}, "deploy@web1": {"deploy", "web1", 0}, "a@b@web1": {"a@b", "web1", 0}, "root@192.0.2.1": {"root", "192.0.2.1", 0}, "root@fe80::1%eth0": {"root", "fe80::1%eth0", 0},
		"ssh://web1:2222": {"", "web1", 2222}, "ssh://deploy@[fe80::1]:2222": {"deploy", "fe80::1", 2222},
	} {
		if got, err := ParseTarget(text); err != nil || got != want || got.String() != text {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-oProxyCommand=x", "root@-x", "-l@web1", "@web1", "root@", "a b@web1", "root@web1;id", "root@$(id)", "root@web1\n", "ro`id`ot@web1",
		"ssh://", "ssh://-oProxyCommand=x:1", "ssh://web1:0", "ssh://web1:x", "ssh://web1/etc", "http://web1"} {
		if got, err := ParseTarget(text); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}

func TestRestriction(t *testing.T) {
	for _, c := range []struct {
		r    Restriction
		want string
	}{
		{Restriction{}, "restrict,pty"},
		{Restriction{Command: `rsync "x"`}, `restrict,command="rsync \"x\""`},
		{Restriction{Template: "git"}, `restrict,command="git-shell -c \"$SSH_ORIGINAL_COMMAND\""`},
		{Restriction{Template: "backup", From: "10.0.0.0/8"}, `restrict,from="10.0.0.0/8",command="internal-sftp -R"`},
		{Restriction{Template: "admin", Expires: time.Date(2027, 5, 21, 3, 4, 0, 0, time.UTC)}, `restrict,pty,port-forwarding,agent-forwarding,expiry-time="202705210304Z"`},
	} {
		got, err := c.r.Options()
		if err != nil || strings.Join(got, ",") != c.want {
			t.Errorf("%+v: %q, %v", c.r, got, err)
		}
	}
	for name, r := range map[string]Restriction{
		"automation without a command": {Template: "automation"}, "no template": {Template: "x"}, "no network": {From: "10.0.0.1/8"}, "two lines": {Command: "a\nb"},
	} {
		if got, err := r.Options(); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}
