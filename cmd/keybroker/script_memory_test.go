//go:build linux

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
)

// scanChunk is how much of a process is read at once. Reads overlap by the longest secret.
const scanChunk = 1 << 20

// cmdMemory is "memory FILE …": soon, nothing of the secrets in the files is in the memory of
// the broker or of a program that it has started. The files are private keys without
// passphrase, sealed vaults (identity.age) and lines of text. With ! something of each is
// there now: a search that finds nothing proves nothing by itself. It needs root.
func cmdMemory(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: memory FILE …")
	}
	var secrets [][][]byte
	for _, file := range args {
		secrets = append(secrets, inMemory(ts, []byte(strings.TrimSpace(ts.ReadFile(file)))))
	}
	var found []int
	done := func() bool {
		found = copiesIn(ts, secrets)
		if neg {
			return !slices.Contains(found, 0)
		}
		return slices.Max(found) == 0
	}
	if neg && !done() || !neg && !await(done) {
		ts.Fatalf("copies in memory of %v: %v", args, found)
	}
	ts.Logf("copies: %v", found)
}

// cmdQuantum is "quantum FILE": a new key of ML-DSA-44 and Ed25519 is added to the agent, as
// ssh-add of OpenSSH 10.5 does, and signs. The file gets its seeds, for "memory".
func cmdQuantum(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: quantum FILE")
	}
	seeds := make([]byte, publickey.CompositeSeeds)
	_, _ = rand.Read(seeds)
	signer, err := publickey.NewCompositeSigner(seeds, nil)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(quantumSeeds+hex.EncodeToString(seeds)), 0o600))
	conn, err := net.Dial("unix", ts.Getenv("SSH_AUTH_SOCK"))
	ts.Check(err)
	defer conn.Close()
	private := ssh.Marshal(struct{ Public, Seeds []byte }{signer.Packed(), seeds})
	add := wire.AddIdentity{KeyType: publickey.MLDSA44Ed25519, Comment: "quantum", Private: private}
	sign := wire.SignRequest{KeyBlob: signer.PublicKey().Marshal(), Data: []byte("SSHSIG\x00\x00\x00\x04file\x00\x00\x00\x00\x00\x00\x00\x06sha512\x00\x00\x00\x40" + strings.Repeat("x", 64))}
	for _, request := range []wire.Request{add, sign, sign} {
		ts.Check(wire.WriteFrame(conn, request.Marshal()))
		reply, err := wire.ReadFrame(conn)
		ts.Check(err)
		if len(reply) == 0 || wire.Number(reply[0]) == wire.NumFailure {
			ts.Fatalf("%T was refused", request)
		}
	}
}

// quantumSeeds begins a file with the seeds of such a key.
const quantumSeeds = "seeds of ML-DSA-44 and Ed25519: "

// seedForms returns what a key of both kinds is made from: the seeds, and of ML-DSA also
// what is derived first (FIPS 204, algorithm 6): rho' makes the private vectors, and K the
// randomness of a signature.
func seedForms(seeds []byte) [][]byte {
	first, second := seeds[:mldsa44.SeedSize], seeds[mldsa44.SeedSize:]
	derived := sha3.SumSHAKE256(append(slices.Clone(first), 4, 4), 128)
	expanded := sha512.Sum512(second)
	return [][]byte{first, derived[32:96], derived[96:], second, expanded[32:]}
}

// inMemory returns the forms in which the secret of a file would be in memory.
func inMemory(ts *testscript.TestScript, content []byte) [][]byte {
	if private, err := ssh.ParseRawPrivateKey(content); err == nil {
		return numbersOf(private)
	}
	if bytes.HasPrefix(content, []byte("age-encryption.org/")) {
		line := vaultSecret(ts, content)
		return [][]byte{line, bech32Data(line)}
	}
	if seeds, ok := bytes.CutPrefix(content, []byte(quantumSeeds)); ok {
		decoded, err := hex.DecodeString(string(seeds))
		ts.Check(err)
		return seedForms(decoded)
	}
	return [][]byte{content, []byte(base64.StdEncoding.EncodeToString(content))} // JSON has base64
}

// numbersOf returns the numbers that make the key, as encoded and as math/big holds them.
func numbersOf(private any) (forms [][]byte) {
	var numbers [][]byte
	switch key := private.(type) {
	case *ed25519.PrivateKey:
		expanded := sha512.Sum512(key.Seed())
		return [][]byte{key.Seed(), expanded[32:]} // who has the second half finds the key from a signature
	case *rsa.PrivateKey:
		numbers = [][]byte{key.D.Bytes(), key.Primes[0].Bytes(), key.Primes[1].Bytes()}
	case *ecdsa.PrivateKey:
		scalar, _ := key.Bytes()
		numbers = [][]byte{scalar}
	}
	for _, number := range numbers {
		turned := slices.Clone(number)
		slices.Reverse(turned)
		forms = append(forms, number, turned)
	}
	return forms
}

// vaultSecret opens the vault of a script.
func vaultSecret(ts *testscript.TestScript, sealed []byte) []byte {
	identity, err := age.NewScryptIdentity(passphrase)
	ts.Check(err)
	in, err := age.Decrypt(bytes.NewReader(sealed), identity)
	ts.Check(err)
	secret, err := io.ReadAll(in)
	ts.Check(err)
	return bytes.TrimSpace(secret)
}

// bech32Data is the data of an identity of age (BIP 173), without its checksum.
func bech32Data(line []byte) (data []byte) {
	digits := line[bytes.LastIndexByte(line, '1')+1:]
	bits, value := 0, 0
	for _, digit := range bytes.ToLower(digits[:len(digits)-6]) {
		value = value<<5 | strings.IndexByte("qpzry9x8gf2tvdw0s3jn54khce6mua7l", digit)
		if bits += 5; bits >= 8 {
			bits -= 8
			data = append(data, byte(value>>bits))
			value &= 1<<bits - 1
		}
	}
	return data
}

// copiesIn counts the copies of each secret, whatever their form.
func copiesIn(ts *testscript.TestScript, secrets [][][]byte) []int {
	found := make([]int, len(secrets))
	broker, err := strconv.Atoi(ts.Getenv("DAEMON"))
	ts.Check(err)
	for _, pid := range withDescendants(broker) {
		err := scanProcess(pid, func(chunk []byte) {
			for i, forms := range secrets {
				for _, form := range forms {
					found[i] += bytes.Count(chunk[:min(len(chunk), scanChunk+len(form)-1)], form)
				}
			}
		})
		if err != nil && pid == broker {
			ts.Fatalf("the broker's memory cannot be read: %v", err)
		}
	}
	return found
}

// withDescendants returns pid and the processes that it has started, and they.
func withDescendants(pid int) []int {
	all := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		for _, child := range strings.Fields(readOr(list)) {
			if number, err := strconv.Atoi(child); err == nil {
				all = append(all, withDescendants(number)...)
			}
		}
	}
	return all
}

// scanProcess shows all that a process has written to its memory, in pieces. What it shares with
// a file that it cannot write is not its own.
func scanProcess(pid int, show func([]byte)) error {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return err
	}
	defer memory.Close()
	present, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return err
	}
	defer present.Close()
	for line := range strings.Lines(string(maps)) {
		var begin, end int64
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &begin, &end, &mode); n != 3 || mode[1] != 'w' {
			continue
		}
		if err := scanRange(memory, present, begin, end, show); err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	return nil
}

// scanRange shows the pages of a mapping that are there, each run of them whole: a secret may cross
// from one page to the next. Those that were never touched would be gigabytes of zeros.
func scanRange(memory, pagemap *os.File, begin, end int64, show func([]byte)) error {
	page := int64(os.Getpagesize())
	entries := make([]byte, (end-begin)/page*8)
	if _, err := pagemap.ReadAt(entries, begin/page*8); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	touched := func(n int64) bool { // present, or in swap (pagemap, bits 63 and 62)
		return binary.NativeEndian.Uint64(entries[n*8:])>>62 != 0
	}
	for n, pages := int64(0), (end-begin)/page; n < pages; n++ {
		first := n
		for n < pages && touched(n) {
			n++
		}
		for from := begin + first*page; from < begin+n*page; from += scanChunk {
			chunk := make([]byte, min(scanChunk+overlap, begin+n*page-from))
			if read, err := memory.ReadAt(chunk, from); read > 0 {
				show(chunk[:read])
			} else if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
	}
	return nil
}

// overlap is longer than any secret.
const overlap = 4 << 10
