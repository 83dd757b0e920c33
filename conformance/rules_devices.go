package conformance

import (
	"crypto/ed25519"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/crypto/ssh"
)

const (
	securityKeys = "OpenSSH PROTOCOL.u2f"
	// noModule is no PKCS#11 module of anybody.
	noModule = "/usr/lib/no-such-module-of-agentconform.so"
)

var deviceRules = []Rule{
	{"sk-known", securityKeys, OpenSSH, Adds, "A FIDO key with the built-in provider is taken, listed and removed.", func(t *T) {
		t.AddNew()
		key := newSecurityKey()
		if !t.tryAdd(key, skProvider("internal")) {
			t.Failf("refused")
		}
		c := t.Connect()
		if !c.Lists(key) {
			t.Failf("it is not in the list")
		}
		c.Want(replySuccess, key.remove(), "it is removed")
	}},
	{"sk-answer", "RFC 9987 §5.2", Must, Adds, "Whether a FIDO key is taken or not, the answer says what the list shows.", func(t *T) {
		t.AddNew()
		for _, constraints := range [][][]byte{nil, {skProvider("internal")}, {skProvider("internal"), lifetime(600)}} {
			key := newSecurityKey()
			if taken := t.tryAdd(key, constraints...); taken != t.Lists(key) {
				t.Failf("success %v, listed %v", taken, !taken)
			}
		}
	}},
	{"sk-no-device", securityKeys, OpenSSH, Adds, "A FIDO key whose device is not here does not sign, and the agent says so.", func(t *T) {
		key := t.Add(newSecurityKey(), skProvider("internal"))
		t.Connect().Want(replyFailure, key.sign(someLogin(key), 0), "a signature by a device that is not here")
	}},
	{"sk-provider-missing", securityKeys, OpenSSH, Adds, "A FIDO key with a library that does not exist is refused.", func(t *T) {
		t.Add(newSecurityKey(), skProvider("internal"))
		key := newSecurityKey()
		t.Refused(key, key.add(skProvider(noModule)), "with a library that does not exist")
	}},
	{"sk-provider-untrusted", "RFC 9987 §10", Should, Adds, "A FIDO key with a library outside the system's directories is refused.", func(t *T) {
		t.Add(newSecurityKey(), skProvider(t.systemLibrary()))
		key := newSecurityKey()
		t.Refused(key, key.add(skProvider(t.ownFile())), "with a library in a directory that anybody writes to")
	}},
	{"sk-provider-remote", "OpenSSH ssh-agent.c", OpenSSH, Adds, "A host that the agent is forwarded to names no library.", func(t *T) {
		library := t.systemLibrary()
		t.Add(newSecurityKey(), skProvider(library))
		c := t.Connect()
		newHost().bind(c, true)
		key := newSecurityKey()
		if c.tryAdd(key, key.add(skProvider(library))) {
			t.Failf("a far host added a key with %s", library)
		}
	}},
	{"token-unknown", "RFC 9987 §5.2.6", Must, Adds, "A token that the agent does not know is answered by FAILURE.", func(t *T) {
		c := t.Connect()
		for _, id := range []string{noModule, "", "no-such-token"} {
			c.Want(replyFailure, message(addSmartcardKey, str(id), str("")), "an unknown token is added")
			c.Want(replyFailure, message(addTokenConstrained, str(id), str(""), lifetime(600)), "an unknown token is added with a lifetime")
		}
		c.GoesOn()
	}},
	{"token-remove-unknown", "RFC 9987 §5.4", Must, Adds, "A token of which no key is there cannot be removed: FAILURE.", func(t *T) {
		c := t.Connect()
		for _, id := range []string{noModule, "", "no-such-token"} {
			c.Want(replyFailure, message(removeSmartcardKey, str(id), str("")), "an unknown token is removed")
		}
		c.GoesOn()
	}},
	{"token-constraint", "RFC 9987 §5.2.7", Must, Adds, "A token with a constraint that is not known is answered by FAILURE.", func(t *T) {
		c := t.Connect()
		for _, constraint := range [][]byte{{3}, constraintExtension(extNone), {constrainLifetime, 0}, constraintExtension(extCerts, boolean(true), u32(9))} {
			c.Want(replyFailure, message(addTokenConstrained, str(noModule), str(""), constraint), "a token is added")
		}
		c.GoesOn()
	}},
}

func skProvider(name string) []byte { return constraintExtension(extSKProvider, str(name)) }

// newSecurityKey is a key of a device that does not exist.
func newSecurityKey() testKey {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	const application = "ssh:agentconform"
	handle := newSession()
	k := testKey{kind: ssh.KeyAlgoSKED25519}
	k.blob = slices.Concat(str(k.kind), str(public), str(application))
	k.private = slices.Concat(str(public), str(application), []byte{1}, str(handle), str(""))
	k.public, err = ssh.ParsePublicKey(k.blob)
	must(err)
	return k
}

// systemLibrary is a library in a directory that OpenSSH's agent trusts.
func (t *T) systemLibrary() string {
	for _, pattern := range []string{"/usr/lib/*/libc.so.6", "/usr/lib64/libc.so.6", "/usr/lib/libc.so*"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			if path, err := filepath.EvalSymlinks(found[0]); err == nil {
				return path
			}
		}
	}
	t.Skipf("there is no library in /usr/lib that could be named")
	return ""
}

// ownFile is a file in the directory for temporary files.
func (t *T) ownFile() string {
	file, err := os.CreateTemp("", "agentconform-*.so")
	if err != nil {
		t.Skipf("%v", err)
	}
	t.files = append(t.files, file.Name())
	must(file.Close())
	return file.Name()
}
