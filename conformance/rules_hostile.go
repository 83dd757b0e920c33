package conformance

import (
	"bytes"
	"math/rand/v2"
	"time"
)

const (
	// crowd is how many connections one client opens. OpenSSH's agent holds as many
	// as it may have files open.
	crowd = 2000
	// aFew is how many clients misbehave where more would show nothing else.
	aFew = 100
	// manyKeys is what a list is tried with.
	manyKeys = 300
	// floodTime is how long a client writes that never reads.
	floodTime = 500 * time.Millisecond
)

var hostileRules = []Rule{
	{"hostile-silent", "-", Advice, Destroys, "2,000 connections that say nothing do not keep out a client that is connected, and leave no trace.", func(t *T) {
		t.spoiled = true
		c := t.Connect()
		opened := 0
		for range crowd {
			if _, err := t.connectOnce(); err != nil {
				break
			}
			opened++
		}
		c.GoesOn()
		for _, one := range t.conns {
			if one != c {
				one.Close()
			}
		}
		t.conns = []*Conn{c}
		for end := time.Now().Add(t.patience); ; t.sleep(50 * time.Millisecond) {
			fresh, err := t.tryConnect()
			if err == nil {
				fresh.GoesOn()
				return
			}
			if time.Now().After(end) {
				t.Failf("after %d connections have closed, there is no new one: %v", opened, err)
			}
		}
	}},
	{"hostile-slow", "-", Advice, Adds, "Clients that send half a request and wait do not delay others.", func(t *T) {
		key := t.AddNew()
		whole := frame(key.sign(someLogin(key), 0))
		for i := range aFew {
			t.Connect().Raw(whole[:1+i%(len(whole)-1)])
		}
		t.served(key)
	}},
	{"hostile-not-reading", "-", Advice, Destroys, "A client that asks and never reads does not delay others.", func(t *T) {
		key := t.AddNew()
		for range 4 {
			flood(t.Connect(), key)
		}
		t.served(key)
	}},
	{"hostile-gone", "-", Advice, Adds, "Clients that ask and hang up do not disturb others.", func(t *T) {
		key := t.AddNew()
		for range aFew {
			c := t.Connect()
			c.Raw(frame(key.sign(someLogin(key), 0)))
			c.Close()
		}
		t.served(key)
	}},
	{"hostile-half-closed", "-", Advice, Adds, "A client that ends its own side after a request gets the reply or the end of the connection; it does not wait for ever.", func(t *T) {
		key := t.AddNew()
		c := t.Connect()
		c.Raw(frame(key.sign(someLogin(key), 0)))
		c.HalfClose()
		if replies, ended := c.Ended(); len(replies) > 1 || !ended {
			t.Failf("%d replies, connection ended: %v", len(replies), ended)
		}
		t.served(key)
	}},
	{"hostile-noise", "-", Advice, Destroys, "Random bytes end a connection at most.", func(t *T) {
		key := t.AddNew()
		random := rand.New(rand.NewPCG(1, 2)) // the same each time
		for i := range aFew {
			raw := make([]byte, 1+random.IntN(300))
			for j := range raw {
				raw[j] = byte(random.Uint32())
			}
			if i%2 == 0 { // a frame that is whole, with a number that is known but not one that locks or removes
				raw[0] = []byte{requestIdentities, signRequest, addIdentity, removeIdentity, addConstrained, extension}[random.IntN(6)]
				raw = frame(raw)
			}
			c := t.Connect()
			c.Raw(raw)
			c.Close()
		}
		t.served(key)
	}},
	{"many-keys", "OpenSSH ssh-agent.c", OpenSSH, Adds, "300 keys are taken, listed and found.", func(t *T) {
		var keys []testKey
		for range manyKeys {
			keys = append(keys, t.AddNew())
		}
		c := t.Connect()
		if n := len(c.List()); n < manyKeys {
			t.Failf("%d are listed", n)
		}
		for _, key := range []testKey{keys[0], keys[manyKeys/2], keys[manyKeys-1]} {
			c.MustSign(key, someLogin(key), "with one of many keys")
		}
	}},
}

// served ends the rule if the agent does not serve a well-behaved client.
func (t *T) served(key testKey) {
	c := t.Connect()
	if !c.Lists(key) {
		t.Failf("another client does not see the key")
	}
	c.MustSign(key, someLogin(key), "for another client")
}

// flood writes requests until the agent takes no more, or for floodTime.
func flood(c *Conn, key testKey) {
	block := bytes.Repeat(frame(message(requestIdentities)), 1000)
	block = append(block, frame(key.sign(someLogin(key), 0))...)
	_ = c.conn.SetWriteDeadline(time.Now().Add(floodTime))
	for {
		if _, err := c.conn.Write(block); err != nil {
			return
		}
	}
}
