package agent

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
)

func (r *rig) setRules(rules ...policy.Rule) {
	r.server.SetRules(policy.New(nil, rules, policy.Options{}))
}

// library is x/crypto's client: what other programs use to talk to agents.
func (r *rig) library() sshagent.ExtendedAgent {
	r.t.Helper()
	conn, err := net.Dial("unix", r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return sshagent.NewClient(conn)
}

func privateKeys(t *testing.T) map[string]any {
	t.Helper()
	_, ed, err1 := ed25519.GenerateKey(rand.Reader)
	ec, err2 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	rs, err3 := rsa.GenerateKey(rand.Reader, 2048)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string]any{"ed25519": &ed, "ecdsa": ec, "rsa": rs}
}

func TestAddedKeysSignAndGo(t *testing.T) {
	r := newRig(t, allowAll)
	agent := r.library()
	for name, private := range privateKeys(t) {
		if err := agent.Add(sshagent.AddedKey{PrivateKey: private, Comment: name}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	list, err := agent.List()
	if err != nil || len(list) != 4 {
		t.Fatalf("%v, %v", list, err)
	}
	data := gitData("x")
	for _, key := range list {
		flags := sshagent.SignatureFlags(0)
		if key.Format == ssh.KeyAlgoRSA {
			flags = sshagent.SignatureFlagRsaSha512
		}
		signature, err := agent.SignWithFlags(key, data, flags)
		if err != nil || key.Verify(data, signature) != nil {
			t.Errorf("%s: %v, %v", key.Comment, signature, err)
		}
	}
	if err := agent.Remove(list[0]); err != nil {
		t.Error(err)
	}
	if err := agent.RemoveAll(); err != nil {
		t.Error(err)
	}
	if list, _ := agent.List(); len(list) != 1 || list[0].Comment != "work" {
		t.Errorf("%v", list)
	}
}

func TestAddedCertificateIsListedAndUsed(t *testing.T) {
	r := newRig(t, allowAll)
	ca := newHost(t)
	private := privateKeys(t)["ed25519"]
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca.signer); err != nil {
		t.Fatal(err)
	}
	agent := r.library()
	if err := agent.Add(sshagent.AddedKey{PrivateKey: private, Certificate: cert, Comment: "cert"}); err != nil {
		t.Fatal(err)
	}
	data := gitData("x")
	signature, err := agent.Sign(cert, data)
	if err != nil || cert.Key.Verify(data, signature) != nil {
		t.Errorf("%v, %v", signature, err)
	}
}

func TestConfirmedKeyIsAlwaysAsked(t *testing.T) {
	r := newRig(t, allowAll)
	agent := r.library()
	if err := agent.Add(sshagent.AddedKey{PrivateKey: privateKeys(t)["ed25519"], Comment: "c", ConfirmBeforeUse: true}); err != nil {
		t.Fatal(err)
	}
	list, _ := agent.List()
	if _, err := agent.Sign(list[0], gitData("x")); err == nil {
		t.Error("signed without being asked")
	}
	if last := r.last(); last.Reason != "the person said deny" {
		t.Errorf("%+v", last)
	}
	r.prompt.answer = say(confirm.AllowOnce)
	if _, err := agent.Sign(list[0], gitData("x")); err != nil {
		t.Error(err)
	}
}

func TestConstraintsThatAreNotEnforcedRefuseTheKey(t *testing.T) {
	r := newRig(t)
	fields := ssh.Marshal(struct{ Public, Private []byte }{make([]byte, 32), make([]byte, 64)})
	add := wire.AddIdentity{KeyType: ssh.KeyAlgoED25519, Private: fields, Constrained: true, Constraints: []wire.Constraint{
		{Type: wire.ConstrainExtension, Name: wire.ExtAssociatedCerts, Contents: []byte{0, 0, 0, 0, 0}}}}
	if reply := r.connect().ask(add); reply != wire.Failure {
		t.Fatalf("%#v", reply)
	}
	if last := r.last(); last.Op != keys.OpAdd || !strings.Contains(last.Reason, "associated-certs-v00@openssh.com cannot be enforced") {
		t.Errorf("%+v", last)
	}
}

func TestKeyThatDoesNotMatchItsPublicHalfIsRefused(t *testing.T) {
	r := newRig(t)
	_, one, _ := ed25519.GenerateKey(rand.Reader)
	other, _, _ := ed25519.GenerateKey(rand.Reader)
	for name, public := range map[string]ed25519.PublicKey{"its own": one.Public().(ed25519.PublicKey), "another's": other} {
		private := append(append([]byte{}, one.Seed()...), public...)
		fields := ssh.Marshal(struct{ Public, Private []byte }{public, private})
		reply := r.connect().ask(wire.AddIdentity{KeyType: ssh.KeyAlgoED25519, Private: fields, Comment: name})
		if (reply == wire.Success) != (name == "its own") {
			t.Errorf("%s public half: %#v", name, reply)
		}
	}
}

func TestLockHidesEverythingUntilUnlocked(t *testing.T) {
	r := newRig(t, allowAll)
	agent := r.library()
	if err := agent.Lock([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	if list, err := agent.List(); err != nil || len(list) != 0 {
		t.Errorf("locked: %v, %v", list, err)
	}
	if reply := r.connect().ask(r.sign(gitData("x"))); reply != wire.Failure || !strings.Contains(r.last().Reason, "locked") {
		t.Errorf("locked: %#v", reply)
	}
	if err := agent.Lock([]byte("other")); err == nil {
		t.Error("locked twice")
	}
	if err := agent.Unlock([]byte("wrong")); err == nil || !strings.Contains(r.last().Reason, "wrong passphrase") {
		t.Errorf("wrong passphrase: %v", err)
	}
	if err := agent.Unlock([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	if list, _ := agent.List(); len(list) != 1 {
		t.Errorf("unlocked: %v", list)
	}
	for _, record := range r.records("") {
		if strings.Contains(record.Reason, "secret") {
			t.Errorf("the passphrase is in the log: %+v", record)
		}
	}
}

// Without the audit log a key that is listed stays as it was, and a new one does not come.
func TestAKeyWhoseRecordFailsChangesNothing(t *testing.T) {
	r := newRig(t, allowAll)
	agent := r.library()
	private := privateKeys(t)
	listed := sshagent.AddedKey{PrivateKey: private["ed25519"], Comment: "listed"}
	if err := agent.Add(listed); err != nil {
		t.Fatal(err)
	}
	r.server.Audit.Close()
	listed.Comment = "again"
	for name, key := range map[string]sshagent.AddedKey{"listed": listed, "new": {PrivateKey: private["rsa"], Comment: "new"}} {
		if err := agent.Add(key); err == nil {
			t.Errorf("%s: it is added without a record", name)
		}
		if why := r.server.Refusals(); !strings.Contains(why[len(why)-1].Reason, "audit log cannot be written") {
			t.Errorf("%s: %+v", name, why)
		}
	}
	if comments := commentsOf(t, agent); !slices.Contains(comments, "listed") || slices.Contains(comments, "again") || slices.Contains(comments, "new") {
		t.Errorf("the list is %q", comments)
	}
}

// A full disk must not keep a person's keys in the agent.
func TestKeysAreRemovedWithoutARecord(t *testing.T) {
	r := newRig(t, allowAll)
	agent := r.library()
	private := privateKeys(t)
	for name, key := range private {
		if err := agent.Add(sshagent.AddedKey{PrivateKey: key, Comment: name}); err != nil {
			t.Fatal(err)
		}
	}
	signer, err := ssh.NewSignerFromKey(private["rsa"])
	if err != nil {
		t.Fatal(err)
	}
	r.server.Audit.Close()
	if err := agent.Remove(signer.PublicKey()); err != nil || slices.Contains(commentsOf(t, agent), "rsa") {
		t.Errorf("ssh-add -d: %v; the list is %q", err, commentsOf(t, agent))
	}
	if err := agent.RemoveAll(); err != nil || slices.Contains(commentsOf(t, agent), "ecdsa") {
		t.Errorf("ssh-add -D: %v; the list is %q", err, commentsOf(t, agent))
	}
}

func commentsOf(t *testing.T, agent sshagent.Agent) (comments []string) {
	t.Helper()
	list, err := agent.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range list {
		comments = append(comments, key.Comment)
	}
	return comments
}
