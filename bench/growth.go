//go:build linux

package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// growthTurns is how often each point of a line is measured; the median counts.
const growthTurns = 3

// growth is how figures change with how much there is of something.
type growth struct {
	name  string // of the picture
	chart gauge.Chart
}

// growths measures all of them.
func (b *bench) growths() ([]growth, error) {
	one, err := newEd25519()
	if err != nil {
		return nil, err
	}
	var list []growth
	for _, g := range []struct {
		name, title, x, y string
		lines             func(*key) ([]gauge.Line, error)
	}{
		{"keys", "A list, and an ed25519 signature", "added keys", "µs", b.byKeys},
		{"rules", "A list, and an ed25519 signature", "rules that do not fit, before one that does", "µs", b.byRules},
		{"hosts", "A login: connect, bind, list, sign", "lines of known_hosts", "µs", b.byHosts},
		{"connections", "ed25519 signatures at once", "connections", "1/s", b.byConnections},
		{"records", "Start to first answer", "records in the audit log", "ms", b.byRecords},
	} {
		fmt.Fprintln(os.Stderr, "measuring growth with", g.x)
		lines, err := g.lines(one)
		if err != nil {
			return nil, fmt.Errorf("growth with %s: %w", g.x, err)
		}
		list = append(list, growth{g.name, gauge.Chart{Title: g.title, X: g.x, Y: g.y, Lines: lines}})
	}
	return list, nil
}

// curve is one line: the value of an agent of this kind.
type curve struct {
	name  string
	kind  func(x int) kind
	keys  func(x int) []*key
	value func(x int) func(*agent) (float64, error)
}

// measureCurves has all lines take their turns at each x, so that other load on the machine
// affects all of them.
func (b *bench) measureCurves(xs []int, curves []curve) ([]gauge.Line, error) {
	lines := make([]gauge.Line, len(curves))
	for i, c := range curves {
		lines[i].Name = c.name
	}
	for _, x := range xs {
		values, err := b.turnsAt(x, curves)
		if err != nil {
			return nil, err
		}
		for i := range lines {
			lines[i].Points = append(lines[i].Points, gauge.Point{X: float64(x), Y: gauge.Quantile(values[i], 0.5)})
		}
	}
	return lines, nil
}

func (b *bench) turnsAt(x int, curves []curve) ([][]float64, error) {
	values := make([][]float64, len(curves))
	agents := make([]*agent, len(curves))
	for i, c := range curves {
		var err error
		if agents[i], err = start(c.kind(x)); err != nil {
			return nil, err
		}
		defer agents[i].Stop()
		if err := agents[i].add(c.keys(x)...); err != nil {
			return nil, err
		}
	}
	for range growthTurns {
		for i, c := range curves {
			if err := b.ctx.Err(); err != nil {
				return nil, err
			}
			value, err := c.value(x)(agents[i])
			if err != nil {
				return nil, err
			}
			values[i] = append(values[i], value)
		}
	}
	return values, nil
}

func always[T any](value T) func(int) T { return func(int) T { return value } }

func (b *bench) byKeys(one *key) ([]gauge.Line, error) {
	many, err := manyKeys(one, listKeys)
	if err != nil {
		return nil, err
	}
	held := func(x int) []*key { return many[:x] }
	sign := always(b.latency(one.Sign, one.Verify))
	list := func(x int) func(*agent) (float64, error) { return b.latency(gauge.ListRequest, countsTo(uint32(x))) }
	return b.measureCurves([]int{1, 10, 100, listKeys}, []curve{
		{"list, ssh-agent", always(b.sshAgent), held, list}, {"list", always(b.keybroker), held, list},
		{"sign, ssh-agent", always(b.sshAgent), held, sign}, {"sign", always(b.keybroker), held, sign},
	})
}

func manyKeys(first *key, n int) ([]*key, error) {
	many := []*key{first}
	for len(many) < n {
		next, err := newEd25519()
		if err != nil {
			return nil, err
		}
		many = append(many, next)
	}
	return many, nil
}

func (b *bench) byRules(one *key) ([]gauge.Line, error) {
	many, err := manyKeys(one, listKeys)
	if err != nil {
		return nil, err
	}
	ruled := func(x int) kind {
		var rules strings.Builder
		for i := range x {
			fmt.Fprintf(&rules, "[[rule]]\nname = \"rule %d\"\nprogram = \"/opt/tool-%d/bin/*\"\naction = \"refuse\"\n", i, i)
		}
		return keybrokerWith(b.keybroker.path, rules.String())
	}
	list := func(n uint32) func(int) func(*agent) (float64, error) {
		return always(b.latency(gauge.ListRequest, countsTo(n)))
	}
	return b.measureCurves([]int{1, 10, 100, 1_000}, []curve{
		{"list of 1 key", ruled, always(many[:1]), list(1)},
		{"list of 1,000 keys", ruled, always(many), list(listKeys)},
		{"sign", ruled, always(many[:1]), always(b.latency(one.Sign, one.Verify))},
	})
}

// byHosts logs in to the host of the file's last line. The first login reads the file.
func (b *bench) byHosts(one *key) ([]gauge.Line, error) {
	host, err := newEd25519()
	if err != nil {
		return nil, err
	}
	bind, err := bindRequest(host)
	if err != nil {
		return nil, err
	}
	login := func(a *agent) ([]byte, error) { return a.boundLogin(bind, one, b.buf) }
	later := always(func(a *agent) (float64, error) {
		return medianTime(func() ([]byte, error) { return login(a) }, one.Verify)
	})
	first := always(func(a *agent) (float64, error) {
		if err := a.touchHosts(); err != nil {
			return 0, err
		}
		begin := time.Now()
		_, err := login(a)
		return float64(time.Since(begin)) / float64(time.Microsecond), err
	})
	held := always([]*key{one})
	plain := func(x int) kind { return b.keybroker.withHosts(x, host.Public, knownhosts.Normalize) }
	hashed := func(x int) kind { return b.keybroker.withHosts(x, host.Public, knownhosts.HashHostname) }
	return b.measureCurves([]int{10, 1_000, 10_000, 100_000}, []curve{
		{"plain, file is new", plain, held, first}, {"plain", plain, held, later},
		{"hashed, file is new", hashed, held, first}, {"hashed", hashed, held, later},
	})
}

// bindRequest is a session-bind (OpenSSH PROTOCOL.agent section 1) of the session that
// gauge.Login signs for.
func bindRequest(host *key) (gauge.Request, error) {
	session := make([]byte, 32)
	signature, err := host.signer.Sign(rand.Reader, session)
	if err != nil {
		return gauge.Request{}, err
	}
	body := ssh.Marshal(struct {
		Number                      byte
		Name                        string
		HostKey, Session, Signature []byte
		Forwarding                  bool
	}{27, "session-bind@openssh.com", host.Public.Marshal(), session, ssh.Marshal(signature), false})
	return gauge.Request{Frame: append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...), Reply: 6}, nil
}

func (a *agent) boundLogin(bind gauge.Request, k *key, buf []byte) ([]byte, error) {
	c, err := gauge.Dial(a.Socket, buf)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, r := range []gauge.Request{bind, gauge.ListRequest} {
		if _, err := c.Ask(r); err != nil {
			return nil, err
		}
	}
	return c.Ask(k.Sign)
}

const knownHosts = ".ssh/known_hosts"

// withHosts gives the agent's user a known_hosts whose last line is that of host.
func (k kind) withHosts(lines int, host ssh.PublicKey, name func(string) string) kind {
	prepare := k.Prepare
	k.Prepare = func(dir string) error {
		if err := prepare(dir); err != nil {
			return err
		}
		var text bytes.Buffer
		other := host.Marshal()
		for i := range lines - 1 {
			binary.BigEndian.PutUint64(other[len(other)-8:], uint64(i)) // as long as a real one, and different
			fmt.Fprintf(&text, "%s %s %s\n", name(fmt.Sprintf("host-%d.example.com", i)), host.Type(), base64.StdEncoding.EncodeToString(other))
		}
		fmt.Fprintf(&text, "%s %s", name("bench.example.com"), ssh.MarshalAuthorizedKey(host))
		file := filepath.Join(dir, knownHosts)
		if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		return os.WriteFile(file, text.Bytes(), 0o600)
	}
	return k
}

// touchHosts has the agent read the file again.
func (a *agent) touchHosts() error {
	now := time.Now()
	return os.Chtimes(filepath.Join(a.Dir(), knownHosts), now, now)
}

func (b *bench) byConnections(one *key) ([]gauge.Line, error) {
	held := always([]*key{one})
	rate := func(x int) func(*agent) (float64, error) { return b.crowded(x, one) }
	return b.measureCurves([]int{1, 8, 64, 256}, []curve{
		{"ssh-agent", always(b.sshAgent), held, rate}, {"keybroker", always(b.keybroker), held, rate},
	})
}

// byRecords fills the log with signatures.
func (b *bench) byRecords(one *key) ([]gauge.Line, error) {
	started := func(x int) func(*agent) (float64, error) {
		return func(a *agent) (float64, error) {
			if err := b.fillLog(a, one, x); err != nil {
				return 0, err
			}
			return startTook(a)
		}
	}
	return b.measureCurves([]int{10, 1_000, 10_000, 100_000}, []curve{{"keybroker", always(b.keybroker), always([]*key(nil)), started}})
}

// fillLog signs until there are so many more records, and starts the agent again.
func (b *bench) fillLog(a *agent, k *key, records int) error {
	if err := a.add(k); err != nil {
		return err
	}
	crowd, err := newCrowd(a.Socket, crowdSize, b.buf, k.Sign)
	if err != nil {
		return err
	}
	_, err = crowd.keepAsking(k.Sign, func(answered int) bool { return answered < records/growthTurns }, func(int, []byte) {})
	crowd.close()
	if err != nil {
		return err
	}
	return a.Restart()
}
