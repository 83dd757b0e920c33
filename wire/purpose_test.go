package wire

import (
	"bytes"
	"strings"
	"testing"
)

var purposeKey = []byte("key blob")

type userauth struct {
	sid                   string
	number                byte
	user, service, method string
	signed                byte
	algorithm             string
	key                   []byte
	hostKey               string
}

func (u userauth) marshal() []byte {
	b := append(appendBytes(nil, u.sid), u.number)
	b = appendBytes(appendBytes(appendBytes(b, u.user), u.service), u.method)
	b = appendBytes(appendBytes(append(b, u.signed), u.algorithm), u.key)
	if u.hostKey != "" {
		b = appendBytes(b, u.hostKey)
	}
	return b
}

func login(change func(*userauth)) []byte {
	u := userauth{"session", 50, "alice", "ssh-connection", MethodPublicKey, 1, "ssh-ed25519", purposeKey, ""}
	if change != nil {
		change(&u)
	}
	return u.marshal()
}

func sshsig(namespace, reserved, hash string, size int) []byte {
	b := appendBytes([]byte(sshsigMagic), namespace)
	return appendBytes(appendBytes(appendBytes(b, reserved), hash), make([]byte, size))
}

func TestPurposeIsRead(t *testing.T) {
	plain := PurposeOf(login(nil), purposeKey)
	if plain.Kind != KindLogin || plain.User != "alice" || string(plain.SessionID) != "session" || plain.HostKey != nil {
		t.Errorf("plain login: %+v", plain)
	}
	bound := PurposeOf(login(func(u *userauth) { u.method, u.hostKey = MethodHostBound, "host" }), purposeKey)
	if bound.Kind != KindLogin || string(bound.HostKey) != "host" {
		t.Errorf("hostbound login: %+v", bound)
	}
	git := PurposeOf(sshsig("git", "", "sha512", 64), purposeKey)
	if git.String() != "sshsig:git" || git.Algorithm != "sha512" {
		t.Errorf("git: %+v", git)
	}
}

func TestPurposeThatIsNotCertainIsUnknown(t *testing.T) {
	for name, test := range map[string]struct {
		data []byte
		why  string
	}{
		"nothing":               {nil, "neither"},
		"text":                  {[]byte("hello"), "neither"},
		"trailing byte":         {append(login(nil), 0), "neither"},
		"cut":                   {login(nil)[:40], "neither"},
		"other message":         {login(func(u *userauth) { u.number = 51 }), "neither"},
		"query without sig":     {login(func(u *userauth) { u.signed = 0 }), "neither"},
		"hostbased":             {login(func(u *userauth) { u.method = "hostbased" }), "does not use the publickey method"},
		"host key on plain":     {login(func(u *userauth) { u.hostKey = "host" }), "neither"},
		"no host key on bound":  {login(func(u *userauth) { u.method = MethodHostBound }), "neither"},
		"other service":         {login(func(u *userauth) { u.service = "ssh-userauth" }), "service other than"},
		"other key":             {login(func(u *userauth) { u.key = []byte("other") }), "a different key"},
		"no session":            {login(func(u *userauth) { u.sid = "" }), "session id"},
		"long session":          {login(func(u *userauth) { u.sid = strings.Repeat("s", MaxSessionID+1) }), "session id"},
		"no user":               {login(func(u *userauth) { u.user = "" }), "user name"},
		"endless user":          {login(func(u *userauth) { u.user = strings.Repeat("u", 5000) }), "user name"},
		"sshsig, no namespace":  {sshsig("", "", "sha512", 64), "neither"},
		"sshsig, unknown hash":  {sshsig("git", "", "md5", 16), "neither"},
		"sshsig, wrong length":  {sshsig("git", "", "sha256", 64), "neither"},
		"sshsig, trailing byte": {append(sshsig("git", "", "sha256", 32), 0), "neither"},
	} {
		got := PurposeOf(test.data, purposeKey)
		if got.Kind != KindUnknown || !strings.Contains(got.Why, test.why) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// FuzzPurposeOf: data that parses as a login or an SSHSIG must be exactly what the
// parsed fields marshal to.
func FuzzPurposeOf(f *testing.F) {
	f.Add(login(nil))
	f.Add(login(func(u *userauth) { u.method, u.hostKey = MethodHostBound, "host" }))
	f.Add(sshsig("git", "", "sha512", 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := PurposeOf(data, purposeKey)
		if p.Kind != KindLogin {
			return
		}
		again := userauth{string(p.SessionID), 50, p.User, "ssh-connection", p.Method, 1, p.Algorithm, purposeKey, string(p.HostKey)}.marshal()
		if !bytes.Equal(again, data) {
			t.Fatalf("%x\ntaken for %+v", data, p)
		}
	})
}

func FuzzSessionBind(f *testing.F) {
	f.Add(SessionBind{[]byte("key"), []byte("id"), []byte("sig"), true}.Marshal())
	f.Fuzz(func(t *testing.T, contents []byte) {
		bind, err := ParseSessionBind(contents)
		if err == nil && !bytes.Equal(bind.Marshal(), contents) {
			t.Fatalf("%x\nparsed and marshalled: %x", contents, bind.Marshal())
		}
	})
}
