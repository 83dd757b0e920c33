package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"runtime"
	"testing"

	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// These are for profiles: `go test -run=- -bench=SignEd25519 -cpuprofile=cpu.out ./agent`.
// They go through a real socket, the rules and the audit log, and hold client
// and server in one process; `make bench` measures the daemon itself.

// hold adds a key as ssh-add does and returns its public half.
func (r *rig) hold(private any) ssh.PublicKey {
	r.t.Helper()
	conn, err := net.Dial("unix", r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if err := sshagent.NewClient(conn).Add(sshagent.AddedKey{PrivateKey: private, Comment: "bench"}); err != nil {
		r.t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		r.t.Fatal(err)
	}
	return signer.PublicKey()
}

func (r *rig) holdEd25519() ssh.PublicKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.hold(&private)
}

// loginRequest asks to sign a login, as ssh does.
func loginRequest(key ssh.PublicKey, flags wire.SignatureFlags) wire.SignRequest {
	return wire.SignRequest{KeyBlob: key.Marshal(), Data: loginData("0123456789abcdef", "git", key.Marshal(), nil), Flags: flags}
}

// mustSign fails the benchmark for any other reply than a signature.
func mustSign(b *testing.B, c *client, request wire.SignRequest) {
	if _, ok := c.ask(request).(wire.SignResponse); !ok {
		b.Fatal("not signed")
	}
}

func BenchmarkSignEd25519(b *testing.B) {
	r := newRig(b, allowAll)
	c, request := r.connect(), loginRequest(r.holdEd25519(), 0)
	b.ReportAllocs()
	for b.Loop() {
		mustSign(b, c, request)
	}
}

// BenchmarkSignTogether has 64 connections ask at once.
func BenchmarkSignTogether(b *testing.B) {
	r := newRig(b, allowAll)
	request := loginRequest(r.holdEd25519(), 0)
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for c := r.connect(); pb.Next(); {
			mustSign(b, c, request)
		}
	})
}

func BenchmarkSignRSA(b *testing.B) {
	r := newRig(b, allowAll)
	private, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		b.Fatal(err)
	}
	c, request := r.connect(), loginRequest(r.hold(private), wire.FlagRSASHA2_512)
	for b.Loop() {
		mustSign(b, c, request)
	}
}

func BenchmarkList1000(b *testing.B) {
	r := newRig(b, allowAll)
	for range 1000 {
		r.holdEd25519()
	}
	c := r.connect()
	b.ReportAllocs()
	for b.Loop() {
		c.ask(wire.RequestIdentities{})
	}
}

// BenchmarkLogin is what ssh does: connect, list, sign, hang up.
func BenchmarkLogin(b *testing.B) {
	r := newRig(b, allowAll)
	request := loginRequest(r.holdEd25519(), 0)
	for b.Loop() {
		c := r.connect()
		c.ask(wire.RequestIdentities{})
		mustSign(b, c, request)
		c.conn.Close()
	}
}

// BenchmarkIdleConnection opens connections that are answered once and kept.
func BenchmarkIdleConnection(b *testing.B) {
	r := newRig(b, allowAll)
	before := inUse()
	b.ResetTimer()
	for range b.N {
		r.connect().ask(wire.RequestIdentities{})
	}
	after := inUse()
	b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/float64(b.N), "heap-B/conn")
	b.ReportMetric(float64(after.StackInuse-before.StackInuse)/float64(b.N), "stack-B/conn")
}

func inUse() runtime.MemStats {
	runtime.GC()
	runtime.GC() // twice: the first one shrinks stacks, the second one frees what it let go of
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats
}
