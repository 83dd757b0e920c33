package conformance

import (
	"errors"
	"os"
	"slices"
)

// maxMessage is the largest request that OpenSSH's agent reads (AGENT_MAX_LEN).
const maxMessage = 256 << 10

// unknownMessage has a number that nobody uses, and nothing in it.
var unknownMessage = message(200)

var frameRules = []Rule{
	{"silent", "RFC 9987 §3", Must, Reads, "The agent sends nothing before it is asked, and nothing after its reply.", func(t *T) {
		c := t.Connect()
		c.Quiet()
		c.Ask(message(requestIdentities))
		c.Quiet()
	}},
	{"frame-in-pieces", "RFC 9987 §5", Must, Reads, "A request that arrives byte by byte is answered once, when it is whole.", func(t *T) {
		c, list := t.Connect(), t.listReply()
		raw := frame(message(requestIdentities))
		for i := range raw[:len(raw)-1] {
			c.write(raw[i : i+1])
		}
		c.Quiet()
		c.write(raw[len(raw)-1:])
		if reply := c.Reply(); reply[0] != list {
			t.Failf("reply %s", named(reply[0]))
		}
		c.Quiet()
	}},
	{"frame-joined", "RFC 9987 §3", Must, Reads, "Two requests in one write are both answered, in their order.", func(t *T) {
		c, list := t.Connect(), t.listReply()
		c.Raw(append(frame(message(requestIdentities)), frame(unknownMessage)...))
		first, second := c.Reply(), c.Reply()
		if first[0] != list || second[0] != replyFailure {
			t.Failf("replies %s and %s", named(first[0]), named(second[0]))
		}
	}},
	{"frame-one-and-a-half", "RFC 9987 §3", Must, Reads, "A whole request is answered although the next one has only begun.", func(t *T) {
		c, list := t.Connect(), t.listReply()
		half := frame(unknownMessage)
		c.Raw(append(frame(message(requestIdentities)), half[:3]...))
		if reply := c.Reply(); reply[0] != list {
			t.Failf("reply %s", named(reply[0]))
		}
		c.write(half[3:])
		if reply := c.Reply(); reply[0] != replyFailure {
			t.Failf("reply %s", named(reply[0]))
		}
	}},
	{"order", "RFC 9987 §3", Must, Reads, "100 requests sent at once are answered in their order.", checkOrder},
	{"frame-largest", "OpenSSH ssh-agent.c", OpenSSH, Reads, "A request of 256 KiB is read, and answered.", func(t *T) {
		c := t.Connect()
		c.Want(replyFailure, append(slices.Clone(unknownMessage), make([]byte, maxMessage-1)...), "a request of 256 KiB of no known type")
		c.GoesOn()
	}},
	{"frame-too-large", "OpenSSH ssh-agent.c", OpenSSH, Reads, "A length above 256 KiB ends the connection at once, before its bytes arrive.", func(t *T) {
		refuseLength(t, maxMessage+1)
	}},
	{"frame-huge", "OpenSSH ssh-agent.c", OpenSSH, Reads, "A length of 4 GiB ends the connection at once.", func(t *T) {
		refuseLength(t, 1<<32-1)
	}},
	{"frame-negative", "OpenSSH ssh-agent.c", OpenSSH, Reads, "A length of 2 GiB, negative for some, ends the connection at once.", func(t *T) {
		refuseLength(t, 1<<31)
	}},
	{"frame-empty", "OpenSSH ssh-agent.c", OpenSSH, Reads, "A message of length 0, which has no type, ends the connection or is answered by FAILURE.", func(t *T) {
		c := t.Connect()
		c.Raw(append(u32(0), frame(message(requestIdentities))...))
		reply, err := c.tryReply(t.patience)
		t.received(reply, err)
		if errors.Is(err, os.ErrDeadlineExceeded) || err == nil && reply[0] != replyFailure {
			t.Failf("the agent neither ends the connection nor answers by FAILURE")
		}
	}},
	{"frame-cut", "RFC 9987 §3", Must, Reads, "A request whose end never comes is not carried out.", func(t *T) {
		raw := frame(message(requestIdentities, []byte("more, to be cut off")))
		for _, n := range []int{1, 3, 4, 5, 10, len(raw) - 1} {
			c := t.Connect()
			c.Raw(raw[:n])
			c.HalfClose()
			if reply, err := c.tryReply(quietTime); err == nil && reply[0] != replyFailure {
				t.Failf("after %d bytes of %d: reply %s", n, len(raw), named(reply[0]))
			}
		}
	}},
}

func checkOrder(t *T) {
	const times = 50
	if t.listReply() != replyIdentities {
		t.Skipf("the agent answers a list request by FAILURE, so that replies cannot be told apart")
	}
	c := t.Connect()
	var all []byte
	for range times {
		all = append(all, frame(message(requestIdentities))...)
		all = append(all, frame(unknownMessage)...)
	}
	sent := make(chan error, 1)
	go func() { sent <- c.tryWrite(all) }() // the agent may want its replies read meanwhile
	for i := range 2 * times {
		want := byte(replyIdentities)
		if i%2 == 1 {
			want = replyFailure
		}
		if reply := c.Reply(); reply[0] != want {
			t.Failf("reply number %d is %s, not %s", i+1, named(reply[0]), named(want))
		}
	}
	if err := <-sent; err != nil {
		t.Failf("the agent did not take the requests: %v", err)
	}
}

func refuseLength(t *T, length uint32) {
	c := t.Connect()
	c.Raw(append(u32(length), unknownMessage...))
	if replies, ended := c.Ended(); !ended || len(replies) > 0 {
		t.Failf("%d replies, connection ended: %v", len(replies), ended)
	}
}
