package conformance

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"
)

// listed is one key of a list.
type listed struct {
	blob    []byte
	comment string
}

// parseList reads an IDENTITIES_ANSWER.
func parseList(reply []byte) (list []listed, ok bool) {
	if reply[0] != replyIdentities {
		return nil, false
	}
	f := &fields{rest: reply[1:]}
	for n := f.u32(); n > 0 && !f.bad; n-- {
		list = append(list, listed{f.str(), string(f.str())})
	}
	return list, !f.bad && len(f.rest) == 0
}

// listReply is the number by which the agent answers a list request: FAILURE is wrong,
// but a rule about something else must not fail for it.
func (t *T) listReply() byte {
	reply := t.Ask(message(requestIdentities))
	if reply[0] != replyIdentities && reply[0] != replyFailure {
		t.Failf("a list request is answered by %s", named(reply[0]))
	}
	return reply[0]
}

// GoesOn ends the rule if the connection does not serve any more.
func (c *Conn) GoesOn() {
	if reply := c.Ask(message(requestIdentities)); reply[0] != replyIdentities && reply[0] != replyFailure {
		c.t.Failf("after that, a list request is answered by %s", named(reply[0]))
	}
}

// List returns the keys that the agent shows.
func (c *Conn) List() []listed {
	reply := c.Ask(message(requestIdentities))
	if len(reply) == 1 && reply[0] == replyFailure {
		c.t.Skipf("the agent answers a list request by FAILURE")
	}
	list, ok := parseList(reply)
	if !ok {
		c.t.Failf("the list has not the format of an IDENTITIES_ANSWER: reply %s", named(reply[0]))
	}
	return list
}

// Lists returns whether a key is in the list.
func (c *Conn) Lists(key testKey) bool {
	for _, one := range c.List() {
		if bytes.Equal(one.blob, key.blob) {
			return true
		}
	}
	return false
}

// Lists is that of a new connection.
func (t *T) Lists(key testKey) bool {
	c := t.Connect()
	defer c.Close()
	return c.Lists(key)
}

// tryAdd adds a key, and returns whether the agent says that it took it. The key is
// removed at the end of the rule.
func (t *T) tryAdd(key testKey, constraints ...[]byte) bool {
	return t.tryAddBy(key, key.add(constraints...))
}

func (t *T) tryAddBy(key testKey, request []byte) bool {
	c := t.Connect()
	defer c.Close()
	return c.tryAdd(key, request)
}

// tryAdd sends a request that may add this key.
func (c *Conn) tryAdd(key testKey, request []byte) bool {
	for _, secret := range key.secrets {
		c.t.hide(secret)
	}
	c.t.added = append(c.t.added, key.blob)
	switch number := c.Number(request); number {
	case replySuccess:
		return true
	case replyFailure:
		return false
	default:
		c.t.Failf("a key is added: reply %s, neither SUCCESS nor FAILURE", named(number))
		return false
	}
}

// Add adds a key that the rule needs.
func (t *T) Add(key testKey, constraints ...[]byte) testKey {
	if !t.tryAdd(key, constraints...) {
		what := "a key of the type " + key.kind
		if len(constraints) > 0 {
			what += " with these constraints"
		}
		t.Skipf("the agent does not take %s", what)
	}
	return key
}

// AddNew adds a new key of the kind that most agents take.
func (t *T) AddNew(constraints ...[]byte) testKey {
	return t.Add(newKey(ssh.KeyAlgoED25519), constraints...)
}

// Refused ends the rule if the agent takes a request to add this key.
func (t *T) Refused(key testKey, request []byte, what string) {
	c := t.Connect()
	defer c.Close()
	if c.tryAdd(key, request) {
		t.Failf("the key was added %s", what)
	}
	if c.Lists(key) {
		t.Failf("the key was refused, and is in the list, %s", what)
	}
}

// Signature asks for a signature and returns it if it is one over data by this key;
// ok is false if the agent refuses.
func (c *Conn) Signature(key testKey, data []byte, flags uint32) (signature *ssh.Signature, ok bool) {
	reply := c.Ask(key.sign(data, flags))
	switch reply[0] {
	case replyFailure:
		if len(reply) > 1 {
			c.t.Failf("a FAILURE of %d bytes", len(reply))
		}
		return nil, false
	case replySignature:
	default:
		c.t.Failf("a sign request is answered by %s", named(reply[0]))
	}
	f := &fields{rest: reply[1:]}
	blob := f.str()
	signature = new(ssh.Signature)
	if f.bad || len(f.rest) > 0 || ssh.Unmarshal(blob, signature) != nil {
		c.t.Failf("the signature has not the format of section 5.6")
	}
	if err := key.public.Verify(data, signature); err != nil {
		c.t.Failf("the signature does not verify: %v", err)
	}
	return signature, true
}

// Signs returns whether the agent makes a signature with a key.
func (c *Conn) Signs(key testKey, data []byte) bool {
	_, ok := c.Signature(key, data, 0)
	return ok
}

// MustSign ends the rule if the agent does not sign.
func (c *Conn) MustSign(key testKey, data []byte, when string) {
	if !c.Signs(key, data) {
		c.t.Failf("no signature %s", when)
	}
}

// MustNotSign ends the rule if the agent signs.
func (c *Conn) MustNotSign(key testKey, data []byte, when string) {
	if c.Signs(key, data) {
		c.t.Failf("a signature was made %s", when)
	}
}

// loginData is what a client signs to log in (RFC 4252 section 7): what even an agent
// that looks at data signs.
func loginData(key testKey, session []byte, user string) []byte {
	return append(append(str(session), 50), bytes.Join([][]byte{str(user), str("ssh-connection"), str("publickey"), {1}, str(key.kind), str(key.blob)}, nil)...)
}

// someLogin is loginData for a session of no importance.
func someLogin(key testKey) []byte {
	return loginData(key, bytes.Repeat([]byte{7}, 32), "agentconform")
}

// checkText returns what is wrong with a text that must be UTF-8.
func checkText(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%q is not UTF-8", text)
	}
	return nil
}
