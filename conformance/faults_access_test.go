//go:build unix

package conformance

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
)

// pretending takes the keys whose blob take returns, lists them, and signs with a key
// that is none.
func pretending(take func(request []byte) (blob []byte)) func(*relayed, []byte) []byte {
	return func(r *relayed, request []byte) []byte {
		if request[0] == addIdentity || request[0] == addConstrained {
			if blob := take(request); blob != nil {
				r.remember(string(blob))
				return []byte{replySuccess}
			}
		}
		known := r.remembered()
		if request[0] == signRequest && len(known) > 0 {
			return message(replySignature, str(ssh.Marshal(ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: make([]byte, ed25519.SignatureSize)})))
		}
		reply := r.ask(request)
		if list, ok := parseList(reply); ok {
			for _, blob := range known {
				list = append(list, listed{[]byte(blob), ""})
			}
			return lists(func([]listed) []listed { return list })(r, request, reply)
		}
		return reply
	}
}

// remember keeps a text for all connections.
func (b *broken) remember(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = append(b.kept, text)
}

func (b *broken) remembered() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.kept)
}

// dying serves nobody any more after a request of which kills says so.
func dying(kills func([]byte) bool) fault {
	return fault{do: func(r *relayed, request []byte) []byte {
		if kills(request) {
			r.remember("dead")
		}
		if len(r.remembered()) > 0 {
			return nil
		}
		return r.ask(request)
	}}
}

func called(name, rules string, f fault) fault {
	f.name, f.rules = name, rules
	return f
}

func contains(text string) func([]byte) bool {
	return func(b []byte) bool { return bytes.Contains(b, []byte(text)) }
}

// providerless takes each security key as one of the built-in provider.
func providerless(r *relayed, request []byte) []byte {
	if i := bytes.Index(request, constraintExtension(extSKProvider)); i > 0 {
		request = append(bytes.Clone(request[:i]), skProvider("internal")...)
	}
	return r.ask(request)
}

var accessFaults = []fault{
	{name: "no destinations", rules: "destination-known", do: refusing(contains(extRestrict))},
	{name: "destinations are ignored", rules: "destination-unbound destination-other-host destination-other-session destination-other-key destination-other-user " +
		"destination-not-a-login destination-sshsig destination-forwarded destination-onward destination-bind-failed destination-user-pattern " +
		"destination-hops-broken destination-hop-old-login destination-hidden destination-hidden-removed destination-certificate", do: stripping(contains(extRestrict))},
	{name: "destinations that it cannot read are ignored", rules: "destination-malformed destination-limits", do: func(r *relayed, request []byte) []byte {
		reply := r.ask(request)
		if plain, _, ok := splitAdd(request); ok && reply[0] == replyFailure {
			return r.ask(plain)
		}
		return reply
	}},
	{name: "logins name their host", rules: "destination-old-login", do: func(r *relayed, request []byte) []byte {
		if request[0] == signRequest && !bytes.Contains(request, []byte("hostbound")) {
			return []byte{replyFailure}
		}
		return r.ask(request)
	}},
	{name: "nothing is listed behind three hops", rules: "destination-hops", do: func(r *relayed, request []byte) []byte {
		if isBind(request) {
			r.seen["bind"]++
		}
		if request[0] == requestIdentities && r.seen["bind"] > 3 {
			return message(replyIdentities, u32(0))
		}
		return r.ask(request)
	}},
	{name: "no certificates", rules: "certificate-ed25519 certificate-ecdsa certificate-rsa", do: func(r *relayed, request []byte) []byte {
		if request[0] == addIdentity && bytes.Contains(request[:min(60, len(request))], []byte("-cert-v01@openssh.com")) {
			return []byte{replyFailure}
		}
		return r.ask(request)
	}},
	{name: "a key takes its certificate along", rules: "certificate-beside-key", do: func(r *relayed, request []byte) []byte {
		if request[0] == removeIdentity {
			return r.ask(message(removeAllIdentities))
		}
		return r.ask(request)
	}},
	{name: "it takes certificates as they are", rules: "certificate-not-its-own certificate-cut", do: pretending(func(request []byte) []byte {
		f := &fields{rest: request[1:]}
		if kind := f.str(); bytes.HasPrefix(kind, []byte(ssh.CertAlgoED25519v01)) {
			return f.str()
		}
		return nil
	})},
	{name: "no security keys", rules: "sk-known", do: func(r *relayed, request []byte) []byte {
		if bytes.HasPrefix(request[1:], str(ssh.KeyAlgoSKED25519)) {
			return []byte{replyFailure}
		}
		return r.ask(request)
	}},
	{name: "it takes security keys and loses them", rules: "sk-answer sk-known", do: func(r *relayed, request []byte) []byte {
		if bytes.HasPrefix(request[1:], str(ssh.KeyAlgoSKED25519)) {
			return []byte{replySuccess}
		}
		return r.ask(request)
	}},
	{name: "a device that is not here signs", rules: "sk-no-device", after: instead([]byte{signRequest}, replyFailure, replySuccess)},
	{name: "it takes any library", rules: "sk-provider-missing sk-provider-untrusted sk-provider-remote", do: providerless},
	{name: "any token is there", rules: "token-unknown token-constraint request-cut", after: instead([]byte{addSmartcardKey, addTokenConstrained}, replyFailure, replySuccess)},
	{name: "any token is removed", rules: "token-remove-unknown request-cut", after: instead([]byte{removeSmartcardKey}, replyFailure, replySuccess)},
	{name: "no lock", rules: "lock-known", do: always(lockAgent, replyFailure)},
	{name: "a lock that locks nothing", rules: "locked-sign locked-again unlock-wrong locked-list locked-changes walk", do: always(lockAgent, replySuccess)},
	{name: "it unlocks always", rules: "unlock-unlocked unlock-wrong locked-again lock-cut", after: instead([]byte{unlockAgent}, replyFailure, replySuccess)},
	called("it dies of a lock without a passphrase", "lock-cut", dying(func(request []byte) bool { return request[0] == lockAgent && len(request) < 10 })),
	called("it dies of a passphrase with a zero", "lock-binary", dying(func(request []byte) bool {
		return request[0] == lockAgent && bytes.Contains(request, []byte("with \x00"))
	})),
	{name: "guesses are answered at once", rules: "lock-guessing", do: always(unlockAgent, replyFailure)},
	{name: "an empty passphrase locks", rules: "lock-empty", do: func(r *relayed, request []byte) []byte {
		if bytes.Equal(request, message(lockAgent, str(""))) {
			return []byte{replySuccess}
		}
		return r.ask(request)
	}},
	{name: "while it is locked it binds nothing", rules: "locked-bind", do: func(r *relayed, request []byte) []byte {
		if request[0] == lockAgent {
			r.remember("locked")
		}
		if isBind(request) && len(r.remembered()) > 0 {
			return []byte{replyFailure}
		}
		return r.ask(request)
	}},
	{name: "each connection takes a place for ever", rules: "hostile-silent", serve: func(r *relayed) {
		if r.inAll("place") > 1000 {
			return
		}
		r.copyBoth()
	}},
	{name: "one client at a time", rules: "hostile-slow hostile-not-reading", single: true},
	{name: "the first client that hangs up ends it", rules: "hostile-gone", serve: func(r *relayed) {
		if r.inAll("gone") > 5 {
			return
		}
		r.copyBoth()
	}},
	{name: "who has ended waits for ever", rules: "hostile-half-closed", serve: func(r *relayed) {
		for request := readFrame(r.client); request != nil; request = readFrame(r.client) {
			_, _ = r.client.Write(frame(r.ask(request)))
		}
		time.Sleep(2 * testPatience)
	}},
	called("it dies of an extension", "hostile-noise", dying(func(request []byte) bool { return request[0] == extension })),
	{name: "it lists 100 keys", rules: "many-keys", after: lists(func(list []listed) []listed { return list[:min(len(list), 100)] })},
}
