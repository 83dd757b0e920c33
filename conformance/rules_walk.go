package conformance

import (
	"math/rand/v2"
	"slices"

	"golang.org/x/crypto/ssh"
)

const (
	walkSteps = 300
	walkSeed  = 9987
)

var walkRules = []Rule{
	{"walk", "RFC 9987 §5", Must, Destroys, "300 random requests over three connections are each answered as the ones before them say.", func(t *T) {
		t.spoiled = true
		newWalk(t).run()
	}},
}

// walk is a model of an agent: what it must answer follows from what it answered before.
type walk struct {
	t          *T
	random     *rand.Rand
	conns      []*Conn
	keys       []testKey
	held       []bool // by key
	locked     bool
	passphrase string
	done       []string // the last steps, for people
}

func newWalk(t *T) *walk {
	w := &walk{t: t, random: rand.New(rand.NewPCG(walkSeed, walkSeed)), passphrase: t.newPassphrase()}
	for range 3 {
		w.conns = append(w.conns, t.Connect())
	}
	for range 4 {
		w.keys = append(w.keys, newKey(ssh.KeyAlgoED25519))
	}
	w.held = make([]bool, len(w.keys))
	t.AddNew() // skips the rule if no key is taken
	t.Ask(message(removeAllIdentities))
	if list := t.Connect().List(); len(list) > 0 {
		t.Skipf("the agent has keys that cannot be removed")
	}
	t.Lock()
	t.Unlock()
	return w
}

// walkRequests are the steps, the usual ones more often.
var walkRequests = []struct {
	name string
	do   func(*walk, *Conn, int)
}{
	{"add", (*walk).add}, {"add", (*walk).add}, {"remove", (*walk).remove}, {"sign", (*walk).sign}, {"sign", (*walk).sign}, {"list", (*walk).list}, {"list", (*walk).list},
	{"remove all", (*walk).removeAll}, {"lock", (*walk).lock}, {"unlock", (*walk).unlock}, {"unlock", (*walk).unlock}, {"unknown", (*walk).unknown}, {"cut", (*walk).cut},
}

func (w *walk) run() {
	for range walkSteps {
		step := walkRequests[w.random.IntN(len(walkRequests))]
		w.done = append(w.done[max(0, len(w.done)-8):], step.name)
		step.do(w, w.conns[w.random.IntN(len(w.conns))], w.random.IntN(len(w.keys)))
	}
}

// expect ends the rule if a reply is not the one of the model.
func (w *walk) expect(success bool, got byte) {
	if got != replySuccess && got != replyFailure || (got == replySuccess) != success {
		w.t.Failf("after %q, locked %v: reply %s", w.done, w.locked, named(got))
	}
}

func (w *walk) add(c *Conn, i int) {
	request := w.keys[i].add()
	for _, secret := range w.keys[i].secrets {
		w.t.hide(secret)
	}
	w.t.added = append(w.t.added, w.keys[i].blob)
	got := c.Number(request)
	switch {
	case w.locked: // section 5.7 leaves open what a locked agent does but sign
		w.held[i] = w.held[i] || got == replySuccess
	case got == replyFailure && w.held[i]: // section 5.2: it may refuse to load a key again
	default:
		w.expect(true, got)
		w.held[i] = true
	}
}

func (w *walk) remove(c *Conn, i int) {
	got := c.Number(w.keys[i].remove())
	if !w.locked {
		w.expect(w.held[i], got)
	}
	w.held[i] = w.held[i] && got != replySuccess
}

func (w *walk) removeAll(c *Conn, _ int) {
	if w.locked { // section 5.4 says honour it, ssh-agent does not: either is right
		if c.Number(message(removeAllIdentities)) == replySuccess {
			clear(w.held)
		}
		return
	}
	w.expect(true, c.Number(message(removeAllIdentities)))
	clear(w.held)
}

func (w *walk) sign(c *Conn, i int) {
	if want := w.held[i] && !w.locked; c.Signs(w.keys[i], someLogin(w.keys[i])) != want {
		w.t.Failf("after %q, locked %v: signature with a key that is there %v: %v", w.done, w.locked, w.held[i], !want)
	}
}

func (w *walk) list(c *Conn, _ int) {
	if w.locked {
		c.GoesOn() // what a locked agent lists is its choice
		return
	}
	list := c.List()
	for i, key := range w.keys {
		if slices.ContainsFunc(list, func(one listed) bool { return string(one.blob) == string(key.blob) }) != w.held[i] {
			w.t.Failf("after %q: key listed %v", w.done, !w.held[i])
		}
	}
}

func (w *walk) lock(c *Conn, _ int) {
	if !w.locked {
		w.t.lockedBy = w.passphrase
	}
	w.expect(!w.locked, c.Number(message(lockAgent, str(w.passphrase))))
	w.locked = true
}

func (w *walk) unlock(c *Conn, _ int) {
	w.expect(w.locked, c.Number(message(unlockAgent, str(w.passphrase))))
	w.locked, w.t.lockedBy = false, ""
}

func (w *walk) unknown(c *Conn, _ int) {
	w.expect(false, c.Number(unknownMessage))
	w.expect(false, c.Number(message(extension, str(extNone))))
}

func (w *walk) cut(c *Conn, i int) {
	whole := w.keys[i].sign(someLogin(w.keys[i]), 0)
	w.expect(false, c.Number(whole[:1+w.random.IntN(len(whole)-1)]))
}
