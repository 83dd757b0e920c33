package conformance

import (
	"bytes"
	"slices"
)

// maxSessions is how many sessions OpenSSH's agent takes on one connection.
const maxSessions = 16

// maxSessionID is the longest session identifier that OpenSSH's agent takes, in bytes.
const maxSessionID = 128

var bindRules = []Rule{
	{"bind-known", "PROTOCOL.agent §1", OpenSSH, Reads, "session-bind is there: a session that a host signed is bound.", func(t *T) {
		t.Connect().Want(replySuccess, newHost().bindRequest(newSession(), false), "a session is bound")
		t.Connect().Want(replySuccess, newHost().bindRequest(newSession(), true), "a session is bound for forwarding")
	}},
	{"bind-host-keys", "PROTOCOL.agent §1", OpenSSH, Reads, "Hosts with ed25519, ECDSA and RSA keys are bound.", func(t *T) {
		newHost().bind(t.Connect(), false)
		for _, h := range []host{ecdsaHost(), rsaHost()} {
			t.Connect().Want(replySuccess, h.bindRequest(newSession(), false), "a session of a host with "+h.hash)
		}
	}},
	{"bind-tampered", "PROTOCOL.agent §1", OpenSSH, Reads, "A session is not bound by a signature over another one, of another host, or with a changed bit.", func(t *T) {
		one, other, session := newHost(), newHost(), newSession()
		one.bind(t.Connect(), false)
		signature := one.signature(session)
		changed := bytes.Clone(signature)
		changed[len(changed)-1] ^= 1
		for what, request := range map[string][]byte{
			"a signature with a changed bit":   bindMessage(one.blob, session, changed, boolean(false)),
			"a signature over another session": bindMessage(one.blob, newSession(), signature, boolean(false)),
			"another host's key":               bindMessage(other.blob, session, signature, boolean(false)),
			"an empty signature":               bindMessage(one.blob, session, nil, boolean(false)),
			"an empty key":                     bindMessage(nil, session, signature, boolean(false)),
		} {
			if got := t.Connect().Number(request); got == replySuccess {
				t.Failf("bound with %s", what)
			}
		}
	}},
	{"bind-failure", "RFC 9987 §5.8", Should, Reads, "A session-bind that fails is answered by EXTENSION_FAILURE, so that it is told from an unknown extension.", func(t *T) {
		one, session := newHost(), newSession()
		one.bind(t.Connect(), false)
		t.Connect().Want(replyExtensionFailure, bindMessage(one.blob, newSession(), one.signature(session), boolean(false)), "a signature over another session")
	}},
	{"bind-cut", "RFC 9987 §5.1", Must, Reads, "A session-bind that is cut off anywhere is answered by a failure.", func(t *T) {
		one := newHost()
		one.bind(t.Connect(), false)
		whole := one.bindRequest(newSession(), false)
		c := t.Connect()
		for n := len(message(extension, str(extSessionBind))); n < len(whole); n++ {
			if got := c.Number(whole[:n]); got != replyExtensionFailure && got != replyFailure {
				t.Failf("after %d bytes of %d: %s", n, len(whole), named(got))
			}
		}
	}},
	{"bind-after-login", "PROTOCOL.agent §1", OpenSSH, Reads, "A connection that is bound for a login takes no other session.", func(t *T) {
		c := t.Connect()
		newHost().bind(c, false)
		for _, forwarding := range []bool{false, true} {
			if got := c.Number(newHost().bindRequest(newSession(), forwarding)); got == replySuccess {
				t.Failf("a second session was bound, forwarding %v", forwarding)
			}
		}
	}},
	{"bind-repeated-session", "PROTOCOL.agent §1", OpenSSH, Reads, "A session identifier is not bound again for another host.", func(t *T) {
		c, session := t.Connect(), newSession()
		if got := c.Number(newHost().bindRequest(session, true)); got != replySuccess {
			t.Skipf("the agent does not bind sessions: %s", named(got))
		}
		if got := c.Number(newHost().bindRequest(session, true)); got == replySuccess {
			t.Failf("it was bound")
		}
	}},
	{"bind-many", "OpenSSH ssh-agent.c", OpenSSH, Reads, "16 sessions are bound on one connection, one for each hop, and no more.", func(t *T) {
		c := t.Connect()
		for i := range maxSessions {
			if got := c.Number(newHost().bindRequest(newSession(), i < maxSessions-1)); got != replySuccess {
				if i == 0 {
					t.Skipf("the agent does not bind sessions: %s", named(got))
				}
				t.Failf("session number %d: reply %s", i+1, named(got))
			}
		}
		c = t.Connect()
		for range maxSessions {
			newHost().bind(c, true)
		}
		if got := c.Number(newHost().bindRequest(newSession(), false)); got == replySuccess {
			t.Failf("session number %d was bound", maxSessions+1)
		}
	}},
	{"bind-session-length", "OpenSSH ssh-agent.c", OpenSSH, Reads, "A session identifier has at most 128 bytes.", func(t *T) {
		long := slices.Repeat([]byte{7}, maxSessionID+1)
		newHost().bind(t.Connect(), false)
		t.Connect().Want(replySuccess, newHost().bindRequest(long[:maxSessionID], false), "a session identifier of 128 bytes")
		if got := t.Connect().Number(newHost().bindRequest(long, false)); got == replySuccess {
			t.Failf("one of 129 bytes was bound")
		}
	}},
}
