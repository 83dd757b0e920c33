//lint:file-ignore SA1019 keys that are wrong can only be made from raw numbers

package softkeys

import (
	"context"
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/keybroker/keybroker/keys"
)

// fakeClock moves when it is told, its timers only by fire.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[int]func()
	next   int
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Unix(1_000_000, 0), timers: map[int]func(){}}
}

func (c *fakeClock) clock() Clock {
	return Clock{
		Now: func() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now },
		AfterFunc: func(_ time.Duration, f func()) func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			id := c.next
			c.next++
			c.timers[id] = f
			return func() bool { c.mu.Lock(); defer c.mu.Unlock(); delete(c.timers, id); return true }
		},
	}
}

func (c *fakeClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *fakeClock) fire() {
	c.mu.Lock()
	var due []func()
	for _, f := range c.timers {
		due = append(due, f)
	}
	c.mu.Unlock()
	for _, f := range due {
		f()
	}
}

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func newRSA(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func newECDSA(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func add(t testing.TB, m *Memory, key keys.Added) keys.Info {
	t.Helper()
	info, err := m.Add(key)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func comments(m *Memory) string {
	var all []string
	for _, info := range m.List() {
		all = append(all, info.Comment)
	}
	return strings.Join(all, " ")
}

func certify(t testing.TB, private any) *ssh.Certificate {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(private)
	authority, err2 := ssh.NewSignerFromKey(newKey(t))
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	cert := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestMemoryAddSignRemove(t *testing.T) {
	m := NewMemory(Clock{})
	edwards := newKey(t)
	for comment, test := range map[string]struct {
		private    any
		algorithms []string
	}{
		"ed25519":  {edwards, []string{"", "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"}},
		"pointer":  {ptr(newKey(t)), []string{"", "ssh-ed25519"}},
		"ecdsa":    {newECDSA(t), []string{"", "ecdsa-sha2-nistp256"}},
		"rsa 1024": {newRSA(t, 1024), []string{"rsa-sha2-256"}},
		"rsa 2048": {newRSA(t, 2048), []string{"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512", "rsa-sha2-512-cert-v01@openssh.com"}},
	} {
		plain := add(t, m, keys.Added{PrivateKey: test.private, Comment: comment, Limits: keys.Limits{Confirm: true}})
		certified := add(t, m, keys.Added{PrivateKey: test.private, Certificate: certify(t, test.private), Comment: comment + "-cert"})
		if !plain.Confirm || certified.Confirm || plain.Source != "added" || plain.Name != "" || plain.Fingerprint != certified.Fingerprint {
			t.Errorf("%+v\n%+v", plain, certified)
		}
		for _, info := range []keys.Info{plain, certified} {
			for _, algorithm := range test.algorithms {
				if err := trySign(t.Context(), m, info, algorithm); err != nil && !refusedByFIPS(algorithm) {
					t.Errorf("%s with %q: %v", info.Comment, algorithm, err)
				}
			}
		}
		if err := m.Remove(plain.Blob); err != nil {
			t.Error(err)
		}
		if err := trySign(t.Context(), m, plain, ""); !errors.Is(err, keys.ErrNotFound) {
			t.Errorf("%s after its removal: %v", comment, err)
		}
		if err := m.Remove(plain.Blob); !errors.Is(err, keys.ErrNotFound) {
			t.Errorf("%s removed twice: %v", comment, err)
		}
		if _, found := m.Find(certified.Blob); !found {
			t.Error("the certificate went with the plain key")
		}
	}
	m.RemoveAll()
	if len(m.List()) != 0 {
		t.Error("RemoveAll left something")
	}
}

func ptr[T any](v T) *T { return &v }

// TestMemoryRefuses: x/crypto's parser lets most of these pass.
func TestMemoryRefuses(t *testing.T) {
	m := NewMemory(Clock{})
	a, b := newKey(t), newKey(t)
	mixed := append(append(ed25519.PrivateKey{}, a[:32]...), b[32:]...)
	ecA, ecB := newECDSA(t), newECDSA(t)
	offCurve := &ecdsa.PrivateKey{PublicKey: ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, D: ecA.D}
	rsaA, rsaB := newRSA(t, 1024), newRSA(t, 1024)
	huge := new(big.Int).Lsh(big.NewInt(1), maxRSABits)
	for name, test := range map[string]struct {
		key  keys.Added
		want string
	}{
		"ed25519 halves": {keys.Added{PrivateKey: mixed}, "public half"},
		"ed25519 short":  {keys.Added{PrivateKey: a[:63]}, "64 bytes"},
		"ed25519 nil":    {keys.Added{PrivateKey: (*ed25519.PrivateKey)(nil)}, "no private key"},
		"ecdsa halves":   {keys.Added{PrivateKey: &ecdsa.PrivateKey{PublicKey: ecB.PublicKey, D: ecA.D}}, "public half"},
		"ecdsa curve":    {keys.Added{PrivateKey: offCurve}, "not on curve"},
		"ecdsa zero":     {keys.Added{PrivateKey: &ecdsa.PrivateKey{PublicKey: ecA.PublicKey, D: new(big.Int)}}, "zero or negative"},
		"rsa halves":     {keys.Added{PrivateKey: &rsa.PrivateKey{PublicKey: rsaB.PublicKey, D: rsaA.D, Primes: rsaA.Primes}}, "public half"},
		"rsa exponent":   {keys.Added{PrivateKey: &rsa.PrivateKey{PublicKey: rsaA.PublicKey, D: rsaB.D, Primes: rsaA.Primes}}, "public half"},
		"rsa one prime":  {keys.Added{PrivateKey: &rsa.PrivateKey{PublicKey: rsaA.PublicKey, D: rsaA.D, Primes: rsaA.Primes[:1]}}, "two primes"},
		"rsa large":      {keys.Added{PrivateKey: &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: huge, E: 3}, D: huge, Primes: []*big.Int{huge, huge}}}, "16385 bits is refused"},
		"rsa empty":      {keys.Added{PrivateKey: &rsa.PrivateKey{}}, "two primes"},
		"dsa":            {keys.Added{PrivateKey: &dsa.PrivateKey{}}, "needs p, q, g, y and x"},
		"nothing":        {keys.Added{}, "is not supported"},
		"certificate":    {keys.Added{PrivateKey: a, Certificate: certify(t, b)}, "certificate is for another key"},
		"no certificate": {keys.Added{PrivateKey: a, Certificate: &ssh.Certificate{}}, "certificate is for another key"},
		"lifetime":       {keys.Added{PrivateKey: a, Limits: keys.Limits{Lifetime: -1}}, "negative"},
	} {
		_, err := m.Add(test.key)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	if len(m.List()) != 0 {
		t.Errorf("held: %v", m.List())
	}
}

// TestParserPassesHalves shows that the check is needed: x/crypto's agent
// hands such a key on.
func TestParserPassesHalves(t *testing.T) {
	a, b := newKey(t), newKey(t)
	mixed := append(append(ed25519.PrivateKey{}, a[:32]...), b[32:]...)
	ours, theirs := net.Pipe()
	captured := capture{agent.NewKeyring(), make(chan any, 1)}
	go agent.ServeAgent(captured, theirs)
	defer ours.Close()
	if err := agent.NewClient(ours).Add(agent.AddedKey{PrivateKey: mixed}); err != nil {
		t.Skipf("x/crypto refuses it now: %v", err)
	}
	if _, err := NewMemory(Clock{}).Add(keys.Added{PrivateKey: <-captured.keys}); !errors.Is(err, errKeyMismatch) {
		t.Errorf("what x/crypto hands on: %v", err)
	}
}

type capture struct {
	agent.Agent
	keys chan any
}

func (c capture) Add(key agent.AddedKey) error { c.keys <- key.PrivateKey; return nil }

func TestLifetime(t *testing.T) {
	for _, byTimer := range []bool{false, true} {
		c := newFakeClock()
		m := NewMemory(c.clock())
		short := add(t, m, keys.Added{PrivateKey: newKey(t), Comment: "short", Limits: keys.Limits{Lifetime: time.Minute}})
		add(t, m, keys.Added{PrivateKey: newKey(t), Comment: "ever"})
		if !short.Expires.Equal(c.now.Add(time.Minute)) {
			t.Errorf("expires %s", short.Expires)
		}
		c.move(time.Minute - 1)
		c.fire()
		if comments(m) != "short ever" {
			t.Fatalf("too early: %q", comments(m))
		}
		mustSign(t, m, short)
		c.move(1)
		if byTimer {
			c.fire()
			if len(m.order) != 1 || len(c.timers) != 0 {
				t.Errorf("the timer left %d keys and %d timers", len(m.order), len(c.timers))
			}
		}
		if err := trySign(t.Context(), m, short, ""); !errors.Is(err, keys.ErrNotFound) {
			t.Errorf("an expired key signs: %v", err)
		}
		if _, found := m.Find(short.Blob); found || comments(m) != "ever" {
			t.Errorf("an expired key is listed: %q", comments(m))
		}
	}
}

// TestSystemClock waits for the real timer to drop the key.
func TestSystemClock(t *testing.T) {
	m := NewMemory(SystemClock())
	add(t, m, keys.Added{PrivateKey: newKey(t), Limits: keys.Limits{Lifetime: time.Millisecond}})
	waitFor(t, "the timer", func() bool { m.mu.RLock(); defer m.mu.RUnlock(); return len(m.order) == 0 })
}

// TestAddAgain: the new constraints hold and the old timer does not.
func TestAddAgain(t *testing.T) {
	c := newFakeClock()
	m := NewMemory(c.clock())
	private := newKey(t)
	add(t, m, keys.Added{PrivateKey: private, Comment: "first", Limits: keys.Limits{Lifetime: time.Minute, Confirm: true}})
	add(t, m, keys.Added{PrivateKey: newKey(t), Comment: "other"})
	info := add(t, m, keys.Added{PrivateKey: private, Comment: "again"})
	if comments(m) != "again other" || info.Confirm || !info.Expires.IsZero() {
		t.Errorf("%q %+v", comments(m), info)
	}
	c.move(time.Hour)
	c.fire()
	mustSign(t, m, info)
	if len(c.timers) != 0 {
		t.Errorf("%d timers are left", len(c.timers))
	}
	add(t, m, keys.Added{PrivateKey: private, Comment: "short", Limits: keys.Limits{Lifetime: time.Minute}})
	c.move(time.Minute)
	if comments(m) != "other" {
		t.Errorf("%q", comments(m))
	}
}

func TestMaxAdded(t *testing.T) {
	m := NewMemory(Clock{})
	key := newKey(t)
	last := add(t, m, keys.Added{PrivateKey: key})
	for i := range MaxAdded - 1 {
		a := &added{info: keys.Info{Blob: fmt.Append(nil, i)}, stop: func() bool { return true }}
		if err := m.put(a, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Add(keys.Added{PrivateKey: newKey(t)}); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	add(t, m, keys.Added{PrivateKey: key, Comment: "again"})
	if err := m.Remove(last.Blob); err != nil {
		t.Fatal(err)
	}
	add(t, m, keys.Added{PrivateKey: newKey(t)})
	if got := len(m.List()); got != MaxAdded {
		t.Errorf("%d keys", got)
	}
}

// TestSnapshot: a list that somebody holds does not change under him.
// A key may come with 256 KiB of hosts' keys; all of them together are bounded.
func TestMaxAddedBytes(t *testing.T) {
	m := NewMemory(Clock{})
	key := newKey(t)
	large := func() keys.Added {
		return keys.Added{PrivateKey: newKey(t), Limits: keys.Limits{Destinations: []keys.DestinationConstraint{{To: keys.Hop{Host: strings.Repeat("h", 1<<20)}}}}}
	}
	var last keys.Added
	for range keys.MaxAddedBytes/(1<<20) - 1 {
		last = large()
		if _, err := m.Add(last); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Add(large()); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	for _, fits := range []keys.Added{{PrivateKey: key}, last} { // a small one, and one again
		if _, err := m.Add(fits); err != nil {
			t.Error(err)
		}
	}
	m.RemoveAll()
	if _, err := m.Add(large()); err != nil || m.size > 2<<20 {
		t.Errorf("%v, %d bytes", err, m.size)
	}
}

func TestSnapshot(t *testing.T) {
	m := NewMemory(Clock{})
	info := add(t, m, keys.Added{PrivateKey: newKey(t), Comment: "a"})
	before := m.List()
	if &before[0] != &m.List()[0] {
		t.Error("an unchanged list was made anew")
	}
	add(t, m, keys.Added{PrivateKey: newKey(t), Comment: "b"})
	m.Remove(info.Blob)
	if len(before) != 1 || before[0].Comment != "a" || comments(m) != "b" {
		t.Errorf("%v, %q", before, comments(m))
	}
}

func TestMemoryAtOnce(t *testing.T) {
	m := NewMemory(SystemClock())
	shared := newKey(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				info := add(t, m, keys.Added{PrivateKey: shared, Limits: keys.Limits{Lifetime: time.Millisecond}})
				if err := trySign(context.Background(), m, info, ""); err != nil && !errors.Is(err, keys.ErrNotFound) {
					t.Error(err)
				}
				m.List()
				m.Remove(info.Blob)
			}
		})
	}
	wg.Wait()
	m.RemoveAll()
}

func BenchmarkMemoryList1000(b *testing.B) {
	m := NewMemory(Clock{})
	for range 1000 {
		add(b, m, keys.Added{PrivateKey: newKey(b), Limits: keys.Limits{Lifetime: time.Hour}})
	}
	for b.Loop() {
		m.List()
	}
}
