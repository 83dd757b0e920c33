//go:build unix

package conformance

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// fault is one thing that an agent does wrong.
type fault struct {
	name   string
	rules  string                                // that fail because of it
	single bool                                  // one connection after the other
	serve  func(*relayed)                        // the whole connection
	do     func(*relayed, []byte) []byte         // or the reply to a request; nil hangs up
	after  func(*relayed, []byte, []byte) []byte // or what is made of the agent's reply
}

func (f fault) serveOn(r *relayed) {
	switch {
	case f.serve != nil:
		f.serve(r)
	case f.do == nil && f.after == nil:
		r.copyBoth()
	default:
		for request := readFrame(r.client); request != nil; request = readFrame(r.client) {
			var reply []byte
			if f.do != nil {
				reply = f.do(r, request)
			} else if reply = r.ask(request); reply != nil {
				reply = f.after(r, request, reply)
			}
			if reply == nil {
				return
			}
			if _, err := r.client.Write(frame(reply)); err != nil {
				return
			}
		}
	}
}

// instead changes a reply of these numbers, to requests of these numbers.
func instead(requests []byte, from byte, to ...byte) func(*relayed, []byte, []byte) []byte {
	return func(_ *relayed, request, reply []byte) []byte {
		if slices.Contains(requests, request[0]) && reply[0] == from {
			return to
		}
		return reply
	}
}

// always answers requests of a number without the agent.
func always(number byte, reply ...byte) func(*relayed, []byte) []byte {
	return func(r *relayed, request []byte) []byte {
		if request[0] == number {
			return reply
		}
		return r.ask(request)
	}
}

// splitAdd returns an add request of an ed25519 key without its constraints, as number
// 17, and the constraints.
func splitAdd(request []byte) (plain, constraints []byte, ok bool) {
	f := &fields{rest: request[1:]}
	kind := string(f.str())
	f.str()
	f.str()
	f.str()
	if f.bad || kind != ssh.KeyAlgoED25519 {
		return nil, nil, false
	}
	plain = append([]byte{addIdentity}, request[1:len(request)-len(f.rest)]...)
	return plain, f.rest, request[0] == addConstrained
}

// stripping forgets the constraints of which drop says so.
func stripping(drop func(constraints []byte) bool) func(*relayed, []byte) []byte {
	return func(r *relayed, request []byte) []byte {
		if plain, constraints, ok := splitAdd(request); ok && drop(constraints) {
			return r.ask(plain)
		}
		return r.ask(request)
	}
}

// refusing refuses to add keys with constraints of which refuse says so.
func refusing(refuse func(constraints []byte) bool) func(*relayed, []byte) []byte {
	return func(r *relayed, request []byte) []byte {
		if _, constraints, ok := splitAdd(request); ok && refuse(constraints) {
			return []byte{replyFailure}
		}
		return r.ask(request)
	}
}

func begins(kind byte) func([]byte) bool {
	return func(constraints []byte) bool { return len(constraints) > 0 && constraints[0] == kind }
}

// withoutType refuses to add keys of a type.
func withoutType(kind string) func(*relayed, []byte) []byte {
	return func(r *relayed, request []byte) []byte {
		if request[0] == addIdentity && bytes.HasPrefix(request[1:], str(kind)) {
			return []byte{replyFailure}
		}
		return r.ask(request)
	}
}

// flags changes the flags of sign requests.
func flags(change func(byte) []byte) func(*relayed, []byte) []byte {
	return func(r *relayed, request []byte) []byte {
		if request[0] == signRequest && len(request) > 5 {
			request = append(bytes.Clone(request[:len(request)-4]), change(request[len(request)-1])...)
		}
		return r.ask(request)
	}
}

// lists changes the entries of each list.
func lists(change func(list []listed) []listed) func(*relayed, []byte, []byte) []byte {
	return func(_ *relayed, request, reply []byte) []byte {
		list, ok := parseList(reply)
		if !ok {
			return reply
		}
		list = change(list)
		reply = message(replyIdentities, u32(len(list)))
		for _, one := range list {
			reply = append(append(reply, str(one.blob)...), str(one.comment)...)
		}
		return reply
	}
}

// each changes every entry.
func each(change func(*listed)) func(*relayed, []byte, []byte) []byte {
	return lists(func(list []listed) []listed {
		for i := range list {
			change(&list[i])
		}
		return list
	})
}

func isBind(request []byte) bool {
	return bytes.HasPrefix(request, message(extension, str(extSessionBind)))
}

// binding answers session-bind.
func binding(answer func(r *relayed, request []byte) byte) func(*relayed, []byte) []byte {
	return func(r *relayed, request []byte) []byte {
		if isBind(request) {
			if number := answer(r, request); number != 0 {
				return []byte{number}
			}
		}
		return r.ask(request)
	}
}

// querying answers "query".
func querying(reply []byte) func(*relayed, []byte) []byte {
	return func(r *relayed, request []byte) []byte {
		if string(request[1:]) == string(str(extQuery)) {
			return reply
		}
		return r.ask(request)
	}
}

// faults has, for each rule, at least one agent that breaks it.
var faults = slices.Concat(messageFaults, accessFaults)

// messageFaults are about one message each.
var messageFaults = []fault{
	{name: "it greets", rules: "silent", serve: func(r *relayed) {
		_, _ = r.client.Write(frame([]byte{replySuccess}))
		r.copyBoth()
	}},
	{name: "it takes each read for a request", rules: "frame-in-pieces frame-joined frame-one-and-a-half order", serve: func(r *relayed) {
		buf := make([]byte, 1<<20)
		for {
			n, err := r.client.Read(buf)
			if err != nil {
				return
			}
			message := readFrame(bytes.NewReader(buf[:n]))
			if message == nil {
				return
			}
			_, _ = r.client.Write(frame(r.ask(message)))
		}
	}},
	{name: "a fast answer overtakes a slow one", rules: "order sign-order", serve: overtaking},
	{name: "its largest request is 128 KiB", rules: "frame-largest sign-data", do: func(r *relayed, request []byte) []byte {
		if len(request) > 128<<10 {
			return nil
		}
		return r.ask(request)
	}},
	{name: "it waits for any length", rules: "frame-too-large frame-huge frame-negative", serve: func(r *relayed) {
		var header [5]byte
		_, _ = io.ReadFull(r.client, header[:])
		if header[0]|header[1] == 0 {
			_, _ = r.server.Write(header[:])
			r.copyBoth()
			return
		}
		_, _ = io.Copy(io.Discard, r.client)
	}},
	{name: "nothing is a success", rules: "frame-empty", serve: func(r *relayed) {
		var header [4]byte
		_, _ = io.ReadFull(r.client, header[:])
		if header == [4]byte{} {
			_, _ = r.client.Write(frame([]byte{replySuccess}))
			_, _ = io.Copy(io.Discard, r.client)
			return
		}
		_, _ = r.server.Write(header[:])
		r.copyBoth()
	}},
	{name: "half a request is carried out", rules: "frame-cut", serve: func(r *relayed) {
		go func() {
			_, _ = io.Copy(r.server, r.client)
			_, _ = r.client.Write(frame([]byte{replySuccess}))
			_ = r.server.CloseWrite()
		}()
		_, _ = io.Copy(r.client, r.server)
	}},
	{name: "it hangs up on what it does not know", rules: "unknown-request reserved-request private-request reply-as-request frame-largest", do: func(r *relayed, request []byte) []byte {
		if request[0] < requestIdentities || request[0] > extension || slices.Contains([]byte{12, 14, 15, 16, 24}, request[0]) {
			return nil
		}
		return r.ask(request)
	}},
	{name: "type 9 removes all", rules: "reserved-remove-all", do: func(r *relayed, request []byte) []byte {
		if request[0] == 9 {
			return r.ask(message(removeAllIdentities))
		}
		return r.ask(request)
	}},
	{name: "no list", rules: "list", do: always(requestIdentities, replyFailure)},
	{name: "a list has one key too few", rules: "list list-keys list-comments list-again", after: func(_ *relayed, request, reply []byte) []byte {
		if reply[0] == replyIdentities {
			return message(replyIdentities, u32(1))
		}
		return reply
	}},
	{name: "keys have no type", rules: "list-keys", after: lists(func([]listed) []listed { return []listed{{[]byte("x"), ""}} })},
	{name: "comments are Latin-1", rules: "list-comments", after: lists(func([]listed) []listed { return []listed{{str("x"), "Schl\xfcssel"}} })},
	{name: "each second list is empty", rules: "list-again", after: func(r *relayed, request, reply []byte) []byte {
		if reply[0] == replyIdentities && r.inAll("list")%2 == 0 {
			return message(replyIdentities, u32(1), str(str("x")), str(""))
		}
		return reply
	}},
	{name: "no ed25519", rules: "add-ed25519", do: withoutType(ssh.KeyAlgoED25519)},
	{name: "no ecdsa 256", rules: "add-ecdsa-256", do: withoutType(ssh.KeyAlgoECDSA256)},
	{name: "no ecdsa 384", rules: "add-ecdsa-384", do: withoutType(ssh.KeyAlgoECDSA384)},
	{name: "no ecdsa 521", rules: "add-ecdsa-521", do: withoutType(ssh.KeyAlgoECDSA521)},
	{name: "no RSA", rules: "add-rsa", do: withoutType(ssh.KeyAlgoRSA)},
	{name: "it takes keys and loses them", rules: "add-answer add-ed25519", do: always(addIdentity, replySuccess)},
	{name: "it takes every key", rules: "add-unknown-type add-cut request-cut", after: instead([]byte{addIdentity, addConstrained}, replyFailure, replySuccess)},
	{name: "it refuses no constraint", rules: "add-empty-constraints", do: refusing(func(constraints []byte) bool { return len(constraints) == 0 })},
	{name: "comments are its own", rules: "add-comment", after: each(func(one *listed) { one.comment = "a key" })},
	{name: "the first constraints stay", rules: "add-again add-again-free", do: func(r *relayed, request []byte) []byte {
		if plain, _, _ := splitAdd(request); plain != nil && r.inAll(string(plain)) > 0 {
			return []byte{replySuccess}
		}
		return r.ask(request)
	}},
	{name: "keys are listed twice", rules: "add-again-once", after: lists(func(list []listed) []listed { return append(list, list...) })},
	{name: "it takes private keys as they are", rules: "add-not-its-own", do: pretending(func(request []byte) []byte {
		plain, _, _ := splitAdd(request)
		if plain == nil {
			return nil
		}
		f := &fields{rest: plain[1:]}
		f.str()
		public := f.str()
		private := ed25519.NewKeyFromSeed(f.str()[:ed25519.SeedSize])
		if bytes.Equal(private[ed25519.SeedSize:], public) {
			return nil
		}
		return slices.Concat(str(ssh.KeyAlgoED25519), str(public))
	})},
	{name: "no lifetime", rules: "lifetime-known", do: refusing(begins(constrainLifetime))},
	{name: "lifetimes are ignored", rules: "lifetime lifetime-zero add-again", do: stripping(begins(constrainLifetime))},
	{name: "lifetimes overflow", rules: "lifetime-longest", do: func(r *relayed, request []byte) []byte {
		if plain, constraints, ok := splitAdd(request); ok && len(constraints) == 5 && constraints[1] >= 0x80 {
			return r.ask(append(append([]byte{addConstrained}, plain[1:]...), lifetime(1)...))
		}
		return r.ask(request)
	}},
	{name: "no confirm", rules: "confirm-known constraints-together", do: refusing(begins(constrainConfirm))},
	{name: "confirm is ignored", rules: "confirm-denied", do: stripping(begins(constrainConfirm))},
	{name: "nobody can confirm", rules: "confirm-allowed", do: func(r *relayed, request []byte) []byte {
		r.yes.Store(false)
		return r.ask(request)
	}},
	{name: "one constraint only", rules: "constraints-together", do: refusing(func(constraints []byte) bool { return len(constraints) > 5 })},
	{name: "what it does not know it ignores", rules: "constraint-unknown constraint-unknown-extension constraint-cut constraint-repeated constraint-misplaced", do: func(r *relayed, request []byte) []byte {
		reply := r.ask(request)
		if plain, _, ok := splitAdd(request); ok && len(reply) == 1 && reply[0] == replyFailure {
			return r.ask(plain)
		}
		return reply
	}},
	{name: "removed keys stay", rules: "remove add-ed25519", do: always(removeIdentity, replySuccess)},
	{name: "what is not there is removed", rules: "remove-unknown remove request-cut", after: instead([]byte{removeIdentity}, replyFailure, replySuccess)},
	{name: "all keys stay", rules: "remove-all remove-all-forwarded", do: always(removeAllIdentities, replySuccess)},
	{name: "no keys cannot be removed", rules: "remove-all-none", do: func(r *relayed, request []byte) []byte {
		if request[0] == removeAllIdentities {
			if list, _ := parseList(r.ask(message(requestIdentities))); len(list) == 0 {
				return []byte{replyFailure}
			}
		}
		return r.ask(request)
	}},
	{name: "a far host removes nothing", rules: "remove-all-forwarded", do: func(r *relayed, request []byte) []byte {
		if isBind(request) {
			r.seen["bind"]++
		}
		if request[0] == removeAllIdentities && r.seen["bind"] > 0 {
			return []byte{replyFailure}
		}
		return r.ask(request)
	}},
	{name: "every sign request succeeds", rules: "sign-unknown-key sign-cut", after: instead([]byte{signRequest}, replyFailure, replySuccess)},
	{name: "signatures have a wrong bit", rules: "sign add-ed25519 sign-data", after: func(_ *relayed, request, reply []byte) []byte {
		if reply[0] == replySignature {
			reply[len(reply)-1] ^= 1
		}
		return reply
	}},
	{name: "flags are ignored", rules: "sign-rsa-sha2-256 sign-rsa-sha2-512 sign-unknown-flag", do: flags(func(byte) []byte { return u32(0) })},
	{name: "RSA is SHA-512", rules: "sign-rsa-no-flag sign-rsa-sha2-256", do: flags(func(byte) []byte { return u32(flagSHA512) })},
	{name: "flags that it does not know are ignored", rules: "sign-unknown-flag", do: flags(func(flag byte) []byte { return u32(int(flag & 6)) })},
	{name: "it signs logins only", rules: "sign-data", do: func(r *relayed, request []byte) []byte {
		if request[0] == signRequest && !bytes.Contains(request, []byte("ssh-connection")) {
			return []byte{replyFailure}
		}
		return r.ask(request)
	}},
	{name: "28 for what it does not know", rules: "extension-unknown", after: instead([]byte{extension}, replyFailure, replyExtensionFailure)},
	{name: "5 for what failed", rules: "bind-failure", after: instead([]byte{extension}, replyExtensionFailure, replyFailure)},
	{name: "it hangs up on an extension without a name", rules: "extension-cut", do: func(r *relayed, request []byte) []byte {
		if request[0] == extension && len(request) < 5 {
			return nil
		}
		return r.ask(request)
	}},
	{name: "no query", rules: "query-known", do: querying([]byte{replyFailure})},
	{name: "query as in an old draft", rules: "query", do: querying(message(replySuccess, str(extSessionBind)))},
	{name: "query names nothing", rules: "query-true", do: querying(message(replyExtension, str(extQuery)))},
	{name: "no session-bind", rules: "bind-known", do: binding(func(*relayed, []byte) byte { return replyFailure })},
	{name: "hosts with RSA keys are not bound", rules: "bind-host-keys", do: binding(func(_ *relayed, request []byte) byte {
		if bytes.Contains(request, []byte(ssh.KeyAlgoRSA)) {
			return replyExtensionFailure
		}
		return 0
	})},
	{name: "every bind succeeds", rules: "bind-tampered bind-failure bind-cut bind-after-login bind-repeated-session bind-many bind-session-length",
		do: binding(func(*relayed, []byte) byte { return replySuccess })},
	{name: "fifteen hops", rules: "bind-many", do: binding(func(r *relayed, _ []byte) byte {
		if r.seen["bind"]++; r.seen["bind"] > 15 {
			return replyExtensionFailure
		}
		return 0
	})},
}

// overtaking holds the answer to a slow request until the next answer is sent, if one
// comes soon.
func overtaking(r *relayed) {
	requests := make(chan []byte)
	go func() {
		defer close(requests)
		for request := readFrame(r.client); request != nil; request = readFrame(r.client) {
			requests <- request
		}
	}()
	var held []byte
	for {
		soon := time.After(200 * time.Millisecond)
		if held == nil {
			soon = nil
		}
		select {
		case request, more := <-requests:
			if !more {
				return
			}
			reply := r.ask(request)
			slow := request[0] == requestIdentities || bytes.Contains(request, []byte(ssh.KeyAlgoRSA))
			if slow && held == nil {
				held = reply
				continue
			}
			_, _ = r.client.Write(frame(reply))
		case <-soon:
		}
		if held != nil {
			_, _ = r.client.Write(frame(held))
			held = nil
		}
	}
}

// tryRules tries the named rules.
func tryRules(t *testing.T, f fault, rules []Rule) []Result {
	t.Helper()
	ctx := t.Context()
	results, err := Run(ctx, newBroken(t, f), rules, Options{May: Destroys, Patience: testPatience})
	if err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	return results
}

func TestAnAgentWithoutFaultsPasses(t *testing.T) {
	t.Parallel()
	for _, r := range tryRules(t, fault{}, Rules()) {
		if r.Status != Pass {
			t.Errorf("%s: %s: %s\n%+v", r.Rule, r.Status, r.Detail, r.Exchanges)
		}
	}
}

// atOnce is how many broken agents are tried at the same time: they mostly wait.
const atOnce = 16

// tries is how often a rule is tried on a broken agent: a busy machine can make each answer
// so slow that a delay which the agent lacks seems to be there.
const tries = 5

func tried(t *testing.T, f fault, rule Rule) (r Result) {
	for range tries {
		if r = tryRules(t, f, []Rule{rule})[0]; r.Status == Fail {
			break
		}
	}
	return r
}

// TestEachRuleCanFail: a rule that never fails says nothing.
func TestEachRuleCanFail(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, f := range faults {
		var rules []Rule
		for name := range strings.FieldsSeq(f.rules) {
			i := slices.IndexFunc(Rules(), func(r Rule) bool { return r.Name == name })
			if i < 0 {
				t.Fatalf("%s: no rule %s", f.name, name)
			}
			seen[name] = true
			rules = append(rules, Rules()[i])
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			for _, rule := range rules {
				if r := tried(t, f, rule); r.Status != Fail {
					t.Errorf("%s: %s: %s %s", f.name, r.Rule, r.Status, r.Detail)
				}
			}
		})
	}
	all.Wait()
	for _, rule := range Rules() {
		if !seen[rule.Name] {
			t.Errorf("%s: no fault breaks it", rule.Name)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if results, err := Run(ctx, newBroken(t, fault{}), Rules(), Options{May: Destroys, Patience: testPatience}); err == nil || len(results) > 0 {
		t.Errorf("%d results, %v", len(results), err)
	}
}
