package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/wire"
	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a server on a real socket, with a real audit log, keys in memory and
// one key of a test source.
type rig struct {
	t      testing.TB
	server *Server
	source *keystest.Source
	prompt *prompts
	dir    string
	path   string
}

// prompts is a person: what they answer is a function.
type prompts struct {
	answer func(context.Context, confirm.Question) (confirm.Answer, error)
}

func (p *prompts) Name() string { return "test" }

func (p *prompts) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	return p.answer(ctx, q)
}

func (p *prompts) Secret(context.Context, confirm.SecretQuestion) ([]byte, error) { panic("not asked") }
func (p *prompts) Notify(context.Context, confirm.Notice) error                   { panic("not asked") }

func say(v confirm.Verdict) func(context.Context, confirm.Question) (confirm.Answer, error) {
	return func(_ context.Context, q confirm.Question) (confirm.Answer, error) {
		return confirm.Answer{Verdict: v, For: q.Remember, Reason: "the person said " + string(v)}, nil
	}
}

func newRig(t testing.TB, rules ...policy.Rule) *rig {
	t.Helper()
	return newRigWith(t, func(*Config) {}, rules...)
}

func newRigWith(t testing.TB, change func(*Config), rules ...policy.Rule) *rig {
	t.Helper()
	r := &rig{t: t, source: keystest.New("work"), prompt: &prompts{say(confirm.Deny)}, dir: t.TempDir()}
	r.path = filepath.Join(r.dir, "run", "agent.sock")
	log, err := audit.Open(audit.Config{Dir: filepath.Join(r.dir, "audit")})
	if err != nil {
		t.Fatal(err)
	}
	config := Config{
		Ring: keys.NewRing(softkeys.NewMemory(softkeys.Clock{}), r.source), Grants: new(policy.Grants), Audit: log,
		Prompt: r.prompt, Log: slog.New(slog.DiscardHandler),
		PeerOf: platform.PeerOf, CallerOf: platform.CallerOf, Allowed: platform.SameUser,
	}
	change(&config)
	r.server = NewServer(config, policy.New(nil, rules, policy.Options{DefaultRemember: time.Hour}))
	r.server.recording.limit = 10 * time.Minute // a busy machine's disk does not hang
	listener, err := platform.Listen(r.path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(listener) }()
	t.Cleanup(func() {
		listener.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r.server.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Error(err)
		}
		log.Close()
	})
	return r
}

// client is one connection that speaks the protocol by hand.
type client struct {
	t    testing.TB
	conn net.Conn
}

func (r *rig) connect() *client {
	r.t.Helper()
	conn, err := net.Dial("unix", r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return &client{r.t, conn}
}

func (c *client) send(request wire.Request) {
	c.t.Helper()
	if err := wire.WriteFrame(c.conn, request.Marshal()); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) receive() wire.Reply {
	c.t.Helper()
	message, err := wire.ReadFrame(c.conn)
	if err != nil {
		c.t.Fatal(err)
	}
	reply, err := wire.ParseReply(message)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply
}

func (c *client) ask(request wire.Request) wire.Reply {
	c.t.Helper()
	c.send(request)
	return c.receive()
}

// records is the audit log; with an operation only that one's.
func (r *rig) records(op keys.Op) []audit.Record {
	r.t.Helper()
	var list []audit.Record
	for record, err := range audit.Read(filepath.Join(r.dir, "audit"), audit.Filter{}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if op == "" || record.Op == op {
			list = append(list, record)
		}
	}
	return list
}

// lastReason is the last record's decision and reason.
func (r *rig) last() audit.Record {
	r.t.Helper()
	all := r.records("")
	if len(all) == 0 {
		r.t.Fatal("the audit log is empty")
	}
	return all[len(all)-1]
}

// host is an SSH server's key that can prove sessions.
type host struct{ signer ssh.Signer }

func newHost(t *testing.T) host {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return host{signer}
}

func (h host) blob() []byte { return h.signer.PublicKey().Marshal() }

// bind is the session-bind request for a session with this host.
func (h host) bind(session string, forwarding bool) wire.Extension {
	signature, err := h.signer.Sign(rand.Reader, []byte(session))
	if err != nil {
		panic(err)
	}
	return wire.Extension{Name: wire.ExtSessionBind, Contents: wire.SessionBind{
		HostKey: h.blob(), SessionID: []byte(session), Signature: ssh.Marshal(signature), Forwarding: forwarding}.Marshal()}
}

// loginData is what ssh has signed to log in (RFC 4252 section 7).
func loginData(session, user string, key []byte, hostKey []byte) []byte {
	method := wire.MethodPublicKey
	if hostKey != nil {
		method = wire.MethodHostBound
	}
	data := ssh.Marshal(struct {
		Session       []byte
		Number        byte
		User, Service string
		Method        string
		Signed        bool
		Algorithm     string
		Key           []byte
	}{[]byte(session), 50, user, "ssh-connection", method, true, "ssh-ed25519", key})
	if hostKey != nil {
		data = append(data, ssh.Marshal(struct{ Host []byte }{hostKey})...)
	}
	return data
}

// gitData is what ssh-keygen -Y sign -n git has signed.
func gitData(message string) []byte {
	return append([]byte("SSHSIG"), ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Sum                       []byte
	}{"git", "", "sha256", []byte((message + "................................")[:32])})...)
}

func (r *rig) sign(data []byte) wire.SignRequest {
	return wire.SignRequest{KeyBlob: r.source.Info().Blob, Data: data}
}

// verifies reports whether the reply is a good signature over data.
func (r *rig) verifies(reply wire.Reply, data []byte) bool {
	response, ok := reply.(wire.SignResponse)
	if !ok {
		return false
	}
	var signature ssh.Signature
	return ssh.Unmarshal(response.Signature, &signature) == nil &&
		r.source.Info().PublicKey.Verify(data, &signature) == nil
}
