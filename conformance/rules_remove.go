package conformance

import "golang.org/x/crypto/ssh"

var removeRules = []Rule{
	{"remove", "RFC 9987 §5.4", Must, Adds, "A key that is removed is neither listed nor signs, and other keys stay.", func(t *T) {
		gone, stays := t.AddNew(), t.AddNew()
		c := t.Connect()
		c.Want(replySuccess, gone.remove(), "a key is removed")
		if c.Lists(gone) {
			t.Failf("it is in the list")
		}
		c.MustNotSign(gone, someLogin(gone), "with a key that was removed")
		if !c.Lists(stays) {
			t.Failf("another key is gone")
		}
		c.Want(replyFailure, gone.remove(), "it is removed again")
	}},
	{"remove-unknown", "RFC 9987 §5.4", Must, Reads, "Removing a key that the agent has not is answered by FAILURE.", func(t *T) {
		c := t.Connect()
		c.Want(replyFailure, newKey(ssh.KeyAlgoED25519).remove(), "a key that nobody added")
		c.Want(replyFailure, message(removeIdentity, str("")), "an empty key")
		c.Want(replyFailure, message(removeIdentity, str("no key")), "what is no key")
		c.GoesOn()
	}},
	{"remove-all", "RFC 9987 §5.4", Should, Destroys, "REMOVE_ALL_IDENTITIES removes all keys that were added, and is answered by SUCCESS.", func(t *T) {
		keys := []testKey{t.AddNew(), t.Add(newKey(ssh.KeyAlgoECDSA256)), t.AddNew(lifetime(600))}
		c := t.Connect()
		c.Want(replySuccess, message(removeAllIdentities), "all keys are removed")
		for _, key := range keys {
			if c.Lists(key) {
				t.Failf("a key of the type %s is in the list", key.kind)
			}
			c.MustNotSign(key, someLogin(key), "with a key that was removed")
		}
	}},
	{"remove-all-none", "OpenSSH ssh-agent.c", OpenSSH, Destroys, "REMOVE_ALL_IDENTITIES is answered by SUCCESS although there is no key.", func(t *T) {
		c := t.Connect()
		c.Want(replySuccess, message(removeAllIdentities), "all keys are removed")
		c.Want(replySuccess, message(removeAllIdentities), "all of no keys are removed")
	}},
	{"remove-all-forwarded", "RFC 9987 §5.4", Should, Destroys, "REMOVE_ALL_IDENTITIES is honoured whatever policy limits a client: also over a forwarded connection.", func(t *T) {
		key := t.AddNew()
		c := t.Connect()
		newHost().bind(c, true)
		c.Want(replySuccess, message(removeAllIdentities), "all keys are removed from afar")
		if t.Lists(key) {
			t.Failf("the key is in the list")
		}
	}},
}
