package conformance

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

const (
	// wrongTries is how often a wrong passphrase is tried, and delay what each answer
	// takes at least: OpenSSH's agent begins with 100 ms. The fastest one counts, so
	// that a busy machine is not taken for a delay.
	wrongTries = 6
	delay      = 50 * time.Millisecond
)

var lockRules = []Rule{
	{"lock-known", "RFC 9987 §5.7", OpenSSH, Destroys, "The agent locks and unlocks, and has its keys afterwards.", func(t *T) {
		key := t.AddNew()
		c := t.Connect()
		passphrase := t.newPassphrase()
		if got := t.lockBy(c, passphrase); got != replySuccess {
			t.Failf("the agent is locked: reply %s, not %s", named(got), named(replySuccess))
		}
		c.Want(replySuccess, message(unlockAgent, str(passphrase)), "the agent is unlocked")
		t.lockedBy = ""
		c.MustSign(key, someLogin(key), "after unlocking")
	}},
	{"locked-sign", "RFC 9987 §5.7", Must, Destroys, "A locked agent signs nothing, on any connection, old or new.", func(t *T) {
		key := t.AddNew()
		before := t.Connect()
		before.List()
		t.Lock()
		before.MustNotSign(key, someLogin(key), "while the agent was locked by another connection")
		t.Connect().MustNotSign(key, someLogin(key), "while the agent was locked")
	}},
	{"locked-again", "RFC 9987 §5.7", Must, Destroys, "A locked agent cannot be locked: FAILURE, and the first passphrase holds.", func(t *T) {
		first := t.Lock()
		c := t.Connect()
		second := t.newPassphrase()
		c.Want(replyFailure, message(lockAgent, str(second)), "locked again")
		c.Want(replyFailure, message(unlockAgent, str(second)), "unlocked by the second passphrase")
		c.Want(replySuccess, message(unlockAgent, str(first)), "unlocked by the first passphrase")
	}},
	{"unlock-wrong", "RFC 9987 §5.7", Must, Destroys, "A wrong passphrase is answered by FAILURE, and the agent stays locked.", func(t *T) {
		key := t.AddNew()
		right := t.Lock()
		c := t.Connect()
		for _, wrong := range []string{t.newPassphrase(), right + "x", right[:len(right)-1], ""} {
			c.Want(replyFailure, message(unlockAgent, str(wrong)), "a wrong passphrase")
		}
		c.MustNotSign(key, someLogin(key), "after wrong passphrases")
	}},
	{"unlock-unlocked", "RFC 9987 §5.7", Must, Destroys, "An agent that is not locked cannot be unlocked: FAILURE.", func(t *T) {
		t.Connect().Want(replyFailure, message(unlockAgent, str(t.newPassphrase())), "unlocked, though not locked")
	}},
	{"lock-cut", "RFC 9987 §5.1", Must, Destroys, "A lock or unlock request that is cut off is answered by FAILURE: the agent neither locks nor dies.", func(t *T) {
		for _, number := range []byte{lockAgent, unlockAgent} {
			for _, body := range [][]byte{nil, {0, 0}, u32(5), append(u32(5), "abc"...)} {
				t.Connect().Want(replyFailure, message(number, body), "a request without its passphrase")
			}
		}
		t.Connect().GoesOn()
	}},
	{"lock-binary", "RFC 9987 §5.7", Must, Destroys, "A passphrase is any string: with a byte 0 in it, it locks and unlocks, or is refused.", func(t *T) {
		t.spoiled = true
		passphrase := "with \x00 in it " + t.newPassphrase()
		c := t.Connect()
		switch number := t.lockBy(c, passphrase); number {
		case replyFailure:
			return
		case replySuccess:
			c.Want(replySuccess, message(unlockAgent, str(passphrase)), "unlocked")
			t.lockedBy = ""
		default:
			t.Failf("reply %s", named(number))
		}
	}},
	{"lock-guessing", "RFC 9987 §10", Should, Destroys, "Guessing the passphrase is slowed down: a wrong one is answered late.", func(t *T) {
		t.Lock()
		c := t.Connect()
		for range wrongTries {
			began := time.Now()
			c.Want(replyFailure, message(unlockAgent, str(t.newPassphrase())), "a wrong passphrase")
			if time.Since(began) < delay {
				t.Failf("a wrong passphrase was answered at once")
			}
		}
	}},
	{"locked-list", "OpenSSH ssh-agent.c", OpenSSH, Destroys, "A locked agent lists no key.", func(t *T) {
		t.AddNew()
		t.Lock()
		if n := len(t.Connect().List()); n > 0 {
			t.Failf("it lists %d", n)
		}
	}},
	{"locked-changes", "OpenSSH ssh-agent.c", OpenSSH, Destroys, "A locked agent takes no key, and removes none.", func(t *T) {
		key, other := t.AddNew(), ed25519TestKey()
		passphrase := t.Lock()
		if t.tryAdd(other) {
			t.Failf("a key was added")
		}
		c := t.Connect()
		c.Want(replyFailure, key.remove(), "a key is removed")
		c.Want(replySuccess, message(unlockAgent, str(passphrase)), "unlocked")
		if !c.Lists(key) || c.Lists(other) {
			t.Failf("afterwards the old key is listed: %v, the new one: %v", c.Lists(key), c.Lists(other))
		}
	}},
	{"locked-bind", "OpenSSH ssh-agent.c", OpenSSH, Destroys, "A locked agent binds sessions: otherwise a far host looks local once it is unlocked.", func(t *T) {
		newHost().bind(t.Connect(), true)
		t.Lock()
		t.Connect().Want(replySuccess, newHost().bindRequest(newSession(), true), "a session is bound while the agent is locked")
	}},
	{"lock-empty", "OpenSSH ssh-agent.c", OpenSSH, Destroys, "An empty passphrase is refused.", func(t *T) {
		t.newPassphrase()
		t.Lock()
		t.Unlock()
		c := t.Connect()
		if c.Number(message(lockAgent, str(""))) == replySuccess {
			c.Number(message(unlockAgent, str("")))
			t.Failf("the agent was locked with it")
		}
	}},
}

// newPassphrase makes one that is not shown.
func (t *T) newPassphrase() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	passphrase := hex.EncodeToString(raw)
	t.hide([]byte(passphrase))
	return passphrase
}

// Lock locks the agent until the end of the rule, if it can.
func (t *T) Lock() (passphrase string) {
	passphrase = t.newPassphrase()
	c := t.Connect()
	defer c.Close()
	if got := t.lockBy(c, passphrase); got != replySuccess {
		t.Skipf("the agent does not lock: %s", named(got))
	}
	t.spoiled = true
	return passphrase
}

// lockBy asks the agent to lock itself. It counts as locked already before it answers: one
// that answers too late for the rule is locked all the same.
func (t *T) lockBy(c *Conn, passphrase string) (reply byte) {
	t.lockedBy = passphrase
	if reply = c.Number(message(lockAgent, str(passphrase))); reply == replyFailure {
		t.lockedBy = ""
	}
	return reply
}

// Unlock undoes Lock.
func (t *T) Unlock() {
	if t.lockedBy != "" && t.Ask(message(unlockAgent, str(t.lockedBy)))[0] == replySuccess {
		t.lockedBy = ""
	}
}

// tellPassphrase tells the person the passphrase of an agent that may have stayed locked:
// nobody else knows it.
func (t *T) tellPassphrase() {
	if t.lockedBy != "" && !t.agent.Disposable() {
		t.result.Status = Fail
		t.result.Detail += fmt.Sprintf("; if the agent is locked now, unlock it by ssh-add -X with the passphrase %q", t.lockedBy)
	}
}
