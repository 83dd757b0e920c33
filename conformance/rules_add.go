package conformance

import (
	"bytes"
	"crypto/ed25519"
	"slices"

	"golang.org/x/crypto/ssh"
)

var addRules = []Rule{
	canHold("add-ed25519", "RFC 9987 §5.2.3", ssh.KeyAlgoED25519),
	canHold("add-ecdsa-256", "RFC 9987 §5.2.2", ssh.KeyAlgoECDSA256),
	canHold("add-ecdsa-384", "RFC 9987 §5.2.2", ssh.KeyAlgoECDSA384),
	canHold("add-ecdsa-521", "RFC 9987 §5.2.2", ssh.KeyAlgoECDSA521),
	canHold("add-rsa", "RFC 9987 §5.2.4", ssh.KeyAlgoRSA),
	{"add-answer", "RFC 9987 §5.2", Must, Adds, "SUCCESS means that the key is loaded, FAILURE that it is not, whatever the type.", func(t *T) {
		for _, kind := range []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA} {
			key := newKey(kind)
			if taken := t.tryAdd(key); taken != t.Lists(key) {
				t.Failf("%s: success %v, listed %v", kind, taken, !taken)
			}
		}
	}},
	{"add-unknown-type", "RFC 9987 §5.2", Must, Adds, "A key of a type that the agent does not know is answered by FAILURE, and the connection goes on.", func(t *T) {
		c := t.Connect()
		for _, number := range []byte{addIdentity, addConstrained} {
			c.Want(replyFailure, message(number, str("no-such-type@keybroker.invalid"), str("x"), str("y"), str(testComment)), "a key of an unknown type")
		}
		c.GoesOn()
	}},
	{"add-empty-constraints", "RFC 9987 §5.2", Must, Adds, "ADD_ID_CONSTRAINED without a constraint is the same as ADD_IDENTITY.", func(t *T) {
		t.AddNew()
		key := newKey(ssh.KeyAlgoED25519)
		if !t.tryAdd(key, []byte{}) {
			t.Failf("refused, while ADD_IDENTITY is not")
		}
		c := t.Connect()
		c.MustSign(key, someLogin(key), "with it")
	}},
	{"add-comment", "RFC 9987 §5.2", Must, Adds, "The comment of a key is the one that it was added with; it may be empty.", func(t *T) {
		for _, comment := range []string{testComment, "", "Schlüssel für ☎", "a \"quoted\" \\ one"} {
			key := newKey(ssh.KeyAlgoED25519)
			if !t.tryAddBy(key, key.addWith(comment)) {
				if comment == testComment {
					t.Skipf("the agent does not take a key of the type %s", key.kind)
				}
				t.Failf("the comment %q is refused", comment)
			}
			for _, one := range t.Connect().List() {
				if bytes.Equal(one.blob, key.blob) && one.comment != comment {
					t.Failf("the comment %q is listed as %q", comment, one.comment)
				}
			}
		}
	}},
	{"add-again", "RFC 9987 §5.2", Should, Adds, "Adding a key again replaces its constraints, or is refused.", func(t *T) {
		key := t.AddNew()
		if !t.tryAdd(key, lifetime(1)) {
			return // it may refuse
		}
		t.waitGone(key, "a lifetime of one second, set when it was added again")
	}},
	{"add-again-free", "RFC 9987 §5.2", Should, Adds, "Adding a key again without its constraints frees it of them, or is refused.", func(t *T) {
		key := t.AddNew(lifetime(2))
		if !t.tryAdd(key) {
			return
		}
		t.sleep(expiry)
		if !t.Lists(key) {
			t.Failf("it is gone, although it was added again without a lifetime")
		}
	}},
	{"add-again-once", "OpenSSH ssh-agent.c", OpenSSH, Adds, "A key that is added twice is listed once.", func(t *T) {
		key := t.AddNew()
		t.tryAdd(key)
		n := 0
		for _, one := range t.Connect().List() {
			if bytes.Equal(one.blob, key.blob) {
				n++
			}
		}
		if n != 1 {
			t.Failf("it is listed %d times", n)
		}
	}},
	{"add-cut", "RFC 9987 §5.1", Must, Adds, "An add request that is cut off anywhere is answered by FAILURE and adds nothing.", func(t *T) {
		key := t.AddNew()
		t.Connect().Number(key.remove())
		c := t.Connect()
		whole := key.add()
		for n := 1; n < len(whole); n++ {
			if c.tryAdd(key, whole[:n]) {
				t.Failf("SUCCESS after %d bytes of %d", n, len(whole))
			}
		}
		if c.Lists(key) {
			t.Failf("the key was added")
		}
	}},
	{"add-not-its-own", "RFC 9987 §5.2.3", Advice, Adds, "A private key with another key's public half is refused, or signs as the public key that is listed.", func(t *T) {
		t.AddNew()
		mine, other := newKey(ssh.KeyAlgoED25519), newKey(ssh.KeyAlgoED25519)
		f, g := &fields{rest: mine.private}, &fields{rest: other.private}
		f.str()
		public := g.str()
		private := f.str()
		mixed := testKey{kind: mine.kind, blob: other.blob, public: other.public, secrets: mine.secrets,
			private: slices.Concat(str(public), str(slices.Concat(private[:ed25519.SeedSize], public)))}
		if !t.tryAdd(mixed) {
			return
		}
		c := t.Connect()
		if c.Lists(mixed) {
			c.Signs(mixed, someLogin(mixed)) // ends the rule if the signature is not by it
		}
	}},
}

// canHold is the rule that an agent holds keys of a type, from the request to add one
// to the request to remove it.
func canHold(name, section, kind string) Rule {
	return Rule{name, section, OpenSSH, Adds, "A key of the type " + kind + " is taken, listed, signs and is removed.", func(t *T) {
		key := newKey(kind)
		if !t.tryAdd(key) {
			t.Failf("refused")
		}
		c := t.Connect()
		if !c.Lists(key) {
			t.Failf("it is not in the list")
		}
		c.MustSign(key, someLogin(key), "with the key that was taken")
		c.Want(replySuccess, key.remove(), "the key is removed")
		if c.Lists(key) {
			t.Failf("it was removed, and is in the list")
		}
	}}
}
