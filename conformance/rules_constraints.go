package conformance

import (
	"time"

	"golang.org/x/crypto/ssh"
)

// expiry is how long a rule waits for a key with a lifetime of two seconds.
const expiry = 3500 * time.Millisecond

var constraintRules = []Rule{
	{"lifetime-known", "RFC 9987 §5.2.7.1", OpenSSH, Adds, "A key with a lifetime is taken.", func(t *T) { mustTake(t, lifetime(600)) }},
	{"lifetime", "RFC 9987 §5.2.7.1", Must, Adds, "A key with a lifetime signs before it ends, and is neither listed nor signs afterwards.", func(t *T) {
		key := t.AddNew(lifetime(2))
		c := t.Connect()
		c.MustSign(key, someLogin(key), "within the lifetime")
		t.waitGone(key, "a lifetime of two seconds")
		c.MustNotSign(key, someLogin(key), "after the lifetime")
	}},
	{"lifetime-zero", "RFC 9987 §5.2.7.1", Must, Adds, "A lifetime of 0 seconds is refused or has ended at once; it is not \"for ever\".", func(t *T) {
		t.AddNew(lifetime(600))
		key := newKey(ssh.KeyAlgoED25519)
		if t.tryAdd(key, lifetime(0)) {
			t.waitGone(key, "a lifetime of 0 seconds")
		}
	}},
	{"lifetime-longest", "RFC 9987 §5.2.7.1", Must, Adds, "A lifetime of 2^32-1 or 2^31 seconds does not end at once.", func(t *T) {
		t.AddNew(lifetime(600))
		for _, seconds := range []uint32{1 << 31, 1<<32 - 1} {
			key := newKey(ssh.KeyAlgoED25519)
			if t.tryAdd(key, lifetime(seconds)) {
				t.sleep(1200 * time.Millisecond)
				if !t.Lists(key) {
					t.Failf("after a second, a key with a lifetime of %d seconds is gone", seconds)
				}
			}
		}
	}},
	{"confirm-known", "RFC 9987 §5.2.7.2", OpenSSH, Adds, "A key with the confirm constraint is taken.", func(t *T) { mustTake(t, confirming()) }},
	{"confirm-denied", "RFC 9987 §5.2.7.2", Must, Destroys, "A key with the confirm constraint does not sign when the person says no, or cannot be asked.", func(t *T) {
		if !t.agent.Confirm(false) {
			t.Skipf("nobody can answer here")
		}
		key := t.AddNew(confirming())
		t.Connect().MustNotSign(key, someLogin(key), "that nobody confirmed")
	}},
	{"confirm-allowed", "RFC 9987 §5.2.7.2", OpenSSH, Destroys, "A key with the confirm constraint signs when SSH_ASKPASS says yes.", func(t *T) {
		if !t.agent.Confirm(true) {
			t.Skipf("nobody can answer here")
		}
		defer t.agent.Confirm(false)
		key := t.AddNew(confirming())
		t.Connect().MustSign(key, someLogin(key), "that was confirmed")
	}},
	{"constraints-together", "RFC 9987 §5.2.7", OpenSSH, Adds, "A lifetime and confirm are taken together, in either order.", func(t *T) {
		mustTake(t, lifetime(600), confirming())
		mustTake(t, confirming(), lifetime(600))
	}},
	refusesConstraint("constraint-unknown", "RFC 9987 §5.2.7", Must, "A constraint of an unknown type is refused, alone, first or last.", [][][]byte{
		{{3}}, {{0}}, {{254}}, {{3}, lifetime(600)}, {lifetime(600), {3}}, {confirming(), {100, 0, 0}}}),
	refusesConstraint("constraint-unknown-extension", "RFC 9987 §5.2.7.3", Must, "A constraint extension that the agent does not know is refused, alone, first or last.", [][][]byte{
		{constraintExtension(extNone)}, {constraintExtension(extNone, str("x"))}, {constraintExtension("")}, {lifetime(600), constraintExtension(extNone)}, {constraintExtension(extNone), lifetime(600)}}),
	refusesConstraint("constraint-cut", "RFC 9987 §5.1", Must, "A constraint that is cut off is refused.", [][][]byte{
		{{constrainLifetime}}, {{constrainLifetime, 0, 0, 1}}, {{constrainExtension}}, {{constrainExtension, 0, 0}}, {{constrainExtension}, u32(100), []byte("x")}, {lifetime(600), {constrainLifetime, 0}}}),
	refusesConstraint("constraint-repeated", "OpenSSH ssh-agent.c", OpenSSH, "A constraint that is given twice is refused.", [][][]byte{
		{lifetime(600), lifetime(600)}, {lifetime(600), lifetime(6000)}, {confirming(), confirming()}, {lifetime(600), confirming(), lifetime(600)}}),
	refusesConstraint("constraint-misplaced", "PROTOCOL.agent §3", OpenSSH, "A constraint for keys of tokens or devices is refused with another key.", [][][]byte{
		{constraintExtension(extSKProvider, str("internal"))}, {constraintExtension(extCerts, boolean(false), str(""))}}),
}

func mustTake(t *T, constraints ...[]byte) {
	t.AddNew()
	key := newKey(ssh.KeyAlgoED25519)
	if !t.tryAdd(key, constraints...) {
		t.Failf("refused, while a key without constraints is taken")
	}
	if !t.Lists(key) {
		t.Failf("the key was taken, and is not in the list")
	}
}

// refusesConstraint is the rule that each of these lists of constraints is refused,
// while the same key is taken without them.
func refusesConstraint(name, section string, level Level, says string, lists [][][]byte) Rule {
	return Rule{name, section, level, Adds, says, func(t *T) {
		t.AddNew()
		for _, list := range lists {
			key := newKey(ssh.KeyAlgoED25519)
			t.Refused(key, key.add(list...), "with the constraints "+t.show(message(addConstrained, list...)[1:]))
		}
	}}
}

// waitGone waits until a key is not listed any more: at most until its lifetime of two
// seconds or less is over for certain.
func (t *T) waitGone(key testKey, with string) {
	for end := time.Now().Add(t.patience); ; t.sleep(200 * time.Millisecond) {
		if !t.Lists(key) {
			return
		}
		if time.Now().After(end) {
			t.Failf("with %s, the key is in the list after %v", with, t.patience)
		}
	}
}
