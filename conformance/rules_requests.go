package conformance

import "bytes"

var requestRules = []Rule{
	{"unknown-request", "RFC 9987 §5.1", Must, Reads, "A request of a type that is not known is answered by FAILURE, with and without contents.", func(t *T) {
		for _, number := range []byte{30, 77, 100, 128, 200, 239} {
			t.refusesNumber(number)
		}
	}},
	{"reserved-request", "RFC 9987 §8.1.1", Must, Reads, "A reserved type (0, those of SSH 1 but 9) is answered by FAILURE, or type 1 by the answer of SSH 1 that there is no key.", func(t *T) {
		if reply := t.Ask(message(1)); reply[0] != replyFailure && !bytes.Equal(reply, message(2, u32(0))) {
			t.Failf("request 1: reply %x", reply)
		}
		for _, number := range []byte{0, 2, 3, 4, 7, 8, 10, 15, 16, 24} {
			t.refusesNumber(number)
		}
	}},
	{"reserved-remove-all", "RFC 9987 §8.1.1", Must, Destroys, "Type 9, which removed all keys of SSH 1, is reserved: it does not remove keys of SSH 2.", func(t *T) {
		key := t.AddNew()
		c := t.Connect()
		number := c.Number(message(9))
		if !c.Lists(key) {
			t.Failf("reply %s, and the key is gone", named(number))
		}
	}},
	{"private-request", "RFC 9987 §8.1.1", Must, Reads, "A type of private use (240 to 255) is answered by FAILURE.", func(t *T) {
		for _, number := range []byte{240, 247, 255} {
			t.refusesNumber(number)
		}
	}},
	{"reply-as-request", "RFC 9987 §5.1", Must, Reads, "The type of a reply is none of a request: FAILURE.", func(t *T) {
		for _, number := range []byte{replyFailure, replySuccess, replyIdentities, replySignature, replyExtensionFailure, replyExtension} {
			t.refusesNumber(number)
		}
	}},
	{"request-cut", "RFC 9987 §5.1", Must, Reads, "A request that lacks fields is answered by FAILURE, and the connection goes on.", func(t *T) {
		c := t.Connect()
		for _, number := range []byte{signRequest, addIdentity, removeIdentity, addSmartcardKey, removeSmartcardKey, addConstrained, addTokenConstrained} {
			for _, body := range [][]byte{nil, {0}, {0, 0, 0}, u32(1), u32(1 << 30), {0xff, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xff, 0}} {
				if got := c.Number(message(number, body)); got != replyFailure {
					t.Failf("request %d with %x: reply %s", number, body, named(got))
				}
			}
		}
		c.GoesOn()
	}},
}

func (t *T) refusesNumber(number byte) {
	c := t.Connect()
	defer c.Close()
	for _, body := range [][]byte{nil, {0}, str("x")} {
		if got := c.Number(message(number, body)); got != replyFailure {
			t.Failf("request %d: reply %s, not %s", number, named(got), named(replyFailure))
		}
	}
	c.GoesOn() // the connection goes on
}

var listRules = []Rule{
	{"list", "RFC 9987 §5.5", Must, Reads, "A list request is answered by IDENTITIES_ANSWER with as many keys as it says.", func(t *T) {
		if reply := t.Ask(message(requestIdentities)); reply[0] != replyIdentities {
			t.Failf("reply %s", named(reply[0]))
		}
		t.Connect().List()
	}},
	{"list-keys", "RFC 9987 §5.3", Must, Reads, "Each listed key is a public key blob, which begins with its type.", func(t *T) {
		for _, one := range t.Connect().List() {
			f := &fields{rest: one.blob}
			if kind := f.str(); f.bad || len(kind) == 0 || len(f.rest) == 0 {
				t.Failf("a key of %d bytes does not begin with its type", len(one.blob))
			}
		}
	}},
	{"list-comments", "RFC 9987 §5.5", Must, Reads, "Each comment is UTF-8.", func(t *T) {
		for _, one := range t.Connect().List() {
			if err := checkText(one.comment); err != nil {
				t.Failf("comment %v", err)
			}
		}
	}},
	{"list-again", "OpenSSH ssh-agent.c", OpenSSH, Reads, "The same list is given twice, on one connection and on two.", func(t *T) {
		c := t.Connect()
		first := c.List()
		for _, again := range [][]listed{c.List(), t.Connect().List()} {
			if len(again) != len(first) {
				t.Failf("%d keys, then %d", len(first), len(again))
			}
		}
	}},
}
