package conformance

import (
	"bytes"
	"crypto/rand"
	"slices"

	"golang.org/x/crypto/ssh"
)

// Flags of a sign request (RFC 9987 section 8.3).
const (
	flagSHA256 = 2
	flagSHA512 = 4
)

var signRules = []Rule{
	{"sign-unknown-key", "RFC 9987 §5.6", Must, Reads, "A signature with a key that the agent has not is answered by FAILURE.", func(t *T) {
		c := t.Connect()
		key := newKey(ssh.KeyAlgoED25519)
		c.MustNotSign(key, someLogin(key), "with a key that nobody added")
		c.Want(replyFailure, message(signRequest, str(""), str("x"), u32(0)), "an empty key")
		c.Want(replyFailure, message(signRequest, str("no key"), str("x"), u32(0)), "what is no key")
		c.GoesOn()
	}},
	{"sign", "RFC 9987 §5.6", Must, Adds, "A signature is over the data of the request, by the key of the request, among many keys.", func(t *T) {
		keys := []testKey{t.AddNew(), t.AddNew(), t.AddNew()}
		c := t.Connect()
		for _, key := range slices.Backward(keys) {
			c.MustSign(key, someLogin(key), "with a key that is there")
		}
	}},
	{"sign-rsa-sha2-256", "RFC 9987 §5.6.1", Must, Adds, "Flag 2 makes a signature rsa-sha2-256.", func(t *T) { signsAs(t, flagSHA256, ssh.KeyAlgoRSASHA256) }},
	{"sign-rsa-sha2-512", "RFC 9987 §5.6.1", Must, Adds, "Flag 4 makes a signature rsa-sha2-512.", func(t *T) { signsAs(t, flagSHA512, ssh.KeyAlgoRSASHA512) }},
	{"sign-rsa-no-flag", "RFC 9987 §5.6", Must, Adds, "Without a flag an RSA signature is ssh-rsa, or refused.", func(t *T) {
		key := t.Add(newKey(ssh.KeyAlgoRSA))
		if signature, ok := t.Connect().Signature(key, someLogin(key), 0); ok && signature.Format != ssh.KeyAlgoRSA {
			t.Failf("the signature is %s", signature.Format)
		}
	}},
	{"sign-unknown-flag", "RFC 9987 §5.6", Must, Adds, "A flag that the agent does not know is answered by FAILURE.", func(t *T) {
		key := t.AddNew()
		c := t.Connect()
		c.MustSign(key, someLogin(key), "without flags")
		for _, flags := range []uint32{8, 1 << 16, 1 << 31, 1<<31 | flagSHA512} {
			if _, ok := c.Signature(key, someLogin(key), flags); ok {
				t.Failf("a signature was made with the flags %#x", flags)
			}
		}
	}},
	{"sign-data", "OpenSSH ssh-agent.c", OpenSSH, Adds, "Any data is signed: nothing, what is no login, and 200 KiB.", func(t *T) {
		key := t.AddNew()
		c := t.Connect()
		large := make([]byte, 200<<10)
		_, _ = rand.Read(large)
		for _, data := range [][]byte{[]byte("neither a login nor an SSHSIG"), {}, large} {
			if !c.Signs(key, data) {
				t.Failf("no signature over %d bytes that are no login", len(data))
			}
		}
	}},
	{"sign-cut", "RFC 9987 §5.1", Must, Adds, "A sign request that is cut off anywhere is answered by FAILURE.", func(t *T) {
		key := t.AddNew()
		c := t.Connect()
		whole := key.sign(someLogin(key), 0)
		for n := 1; n < len(whole); n++ {
			c.Want(replyFailure, whole[:n], "a sign request that is cut off")
		}
	}},
	{"sign-order", "RFC 9987 §3", Must, Adds, "Slow and fast requests on one connection are answered in their order.", func(t *T) {
		slow, fast := t.Add(newKey(ssh.KeyAlgoRSA)), t.AddNew()
		c := t.Connect()
		slowData, fastData := someLogin(slow), someLogin(fast)
		c.Raw(bytes.Join([][]byte{frame(slow.sign(slowData, flagSHA512)), frame(fast.sign(fastData, 0)), frame(message(requestIdentities)), frame(unknownMessage)}, nil))
		for i, want := range []byte{replySignature, replySignature, replyIdentities, replyFailure} {
			reply := c.Reply()
			if reply[0] != want {
				t.Failf("reply number %d is %s, not %s", i+1, named(reply[0]), named(want))
			}
			if i < 2 && !bytes.Contains(reply[1:], []byte([]string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoED25519}[i])) {
				t.Failf("signature number %d is by the other key", i+1)
			}
		}
	}},
}

func signsAs(t *T, flags uint32, format string) {
	key := t.Add(newKey(ssh.KeyAlgoRSA))
	signature, ok := t.Connect().Signature(key, someLogin(key), flags)
	if !ok {
		t.Failf("no signature")
	}
	if signature.Format != format {
		t.Failf("the signature is %s", signature.Format)
	}
}
