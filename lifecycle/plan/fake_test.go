package plan

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/lifecycle/plan/clientconfig"
	"github.com/keybroker/keybroker/lifecycle/store"
	"golang.org/x/crypto/ssh"
)

// world is servers as directories with authorized_keys, so that it outlives a killed
// process. What a server says follows from the file, as with sshd.
type world struct {
	dir     string
	step    func(what string) // before each look and change
	down    map[string]bool   // hosts that are not reached
	denied  map[string]bool   // fingerprints that never get in
	liar    bool              // the servers accept every key
	hostKey func(host string) string
	onEdit  func(path string)
	edits   []string
	unseen  []lifecycle.Unseen

	mu sync.Mutex // guards edits
}

type fakeServer struct {
	w       *world
	host    string
	account string
}

func (s *fakeServer) path() string { return filepath.Join(s.w.dir, s.host, "authorized_keys") }

func (s *fakeServer) Identity() lifecycle.Host {
	key := "SHA256:key-of-" + s.host
	if s.w.hostKey != nil {
		key = s.w.hostKey(s.host)
	}
	return lifecycle.Host{Name: s.host, Key: key}
}

func (s *fakeServer) Account() string             { return s.account }
func (s *fakeServer) Version() authorized.Version { return authorized.Version{Major: 9, Minor: 6} }

func (s *fakeServer) Files(context.Context) ([]File, []lifecycle.Unseen, error) {
	s.w.step("files")
	data, err := os.ReadFile(s.path())
	return []File{{s.path(), data}}, s.w.unseen, err
}

func (s *fakeServer) Edit(_ context.Context, path string, change func([]byte) ([]byte, error)) (Edited, error) {
	s.w.step("before edit")
	old, err := os.ReadFile(path)
	if err != nil {
		return Edited{}, err
	}
	data, err := change(old)
	if err != nil {
		return Edited{}, err
	}
	if info, _ := os.Stat(filepath.Join(s.w.dir, s.host, "read-only")); info != nil {
		return Edited{}, stop(errors.New("read-only file system"))
	}
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return Edited{}, err
	}
	err = os.Rename(path+".new", path)
	s.w.mu.Lock()
	s.w.edits = append(s.w.edits, s.host)
	s.w.mu.Unlock()
	if s.w.onEdit != nil {
		s.w.onEdit(path)
	}
	s.w.step("after edit")
	return Edited{sum(old), sum(data)}, err
}

func (s *fakeServer) Ask(_ context.Context, about lifecycle.Key, letIn []lifecycle.Key) (Answer, error) {
	s.w.step("ask")
	data, err := os.ReadFile(s.path())
	if err != nil {
		return Answer{}, err
	}
	live := func(key lifecycle.Key) int {
		for _, line := range authorized.Parse(data).With(key.Blob) {
			if line.LetsIn() {
				return line.Number
			}
		}
		return 0
	}
	answer := Answer{About: lifecycle.Probe{Accepted: live(about) > 0 || s.w.liar, Time: time.Unix(1, 0)}, Stranger: s.w.liar}
	for _, key := range letIn {
		if n := live(key); n > 0 && !s.w.denied[key.Fingerprint] {
			answer.LetIn, answer.LetInBy = key.Fingerprint, fmt.Sprintf("%s:%d", s.path(), n)
			break
		}
	}
	return answer, nil
}

func (w *world) reach(ctx context.Context, places []Place, do func(context.Context, int, Server, error)) error {
	for i, place := range places {
		target, err := ParseTarget(place.Target)
		if err != nil {
			return err
		}
		if w.down[target.Host] {
			do(ctx, i, nil, errors.New("no route to host"))
			continue
		}
		do(ctx, i, &fakeServer{w, target.Host, target.Account}, nil)
	}
	return nil
}

// noConfig is a machine whose configuration names no key.
type noConfig struct{}

func (noConfig) SwitchSSH(context.Context, string, lifecycle.Key, lifecycle.Key, bool) ([]clientconfig.Change, error) {
	return nil, nil
}

func (noConfig) SwitchGit(context.Context, lifecycle.Key, lifecycle.Key, bool) ([]clientconfig.Change, error) {
	return nil, nil
}
func (noConfig) Undo(context.Context, []clientconfig.Change) error { return nil }

// testKey is always the same for a name.
func testKey(name string) lifecycle.Key {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		panic(err)
	}
	blob := signer.PublicKey().Marshal()
	return lifecycle.Key{Fingerprint: authorized.Fingerprint(blob), Type: "ssh-ed25519", Blob: blob, Names: []string{name}}
}

var oldKey, newKey, ownKey, otherKey = testKey("old"), testKey("new"), testKey("own"), testKey("other")

// rig is a runner in a world of servers.
type rig struct {
	*Runner
	w       *world
	store   *store.Store
	records []audit.Step
	now     time.Time
}

func newRig(t *testing.T, dir string) *rig {
	t.Helper()
	kept, err := store.Open(t.Context(), filepath.Join(dir, "lifecycle.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	return rigIn(dir, kept)
}

func rigIn(dir string, kept *store.Store) *rig {
	g := &rig{w: &world{dir: dir, step: func(string) {}, down: map[string]bool{}, denied: map[string]bool{}}, store: kept, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	g.Runner = &Runner{
		Keeper: kept, Machine: noConfig{}, Reach: g.w.reach, Doors: []lifecycle.Key{oldKey, newKey, ownKey}, Actor: "anna@laptop",
		Now: func() time.Time { return g.now },
		Record: func(_ context.Context, step audit.Step) (uint64, string, error) {
			g.records = append(g.records, step)
			return uint64(len(g.records)), "hash", step.Check()
		},
	}
	return g
}

// host makes a server whose file has these lines.
func (g *rig) host(t *testing.T, name string, lines ...string) {
	t.Helper()
	dir := filepath.Join(g.w.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, line := range lines {
		text += line + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "authorized_keys"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (g *rig) text(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(g.w.dir, name, "authorized_keys"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (g *rig) plan(kind Kind, hosts ...string) Plan {
	p := New(kind, oldKey, Requester{Actor: "anna@laptop"}, g.now)
	switch kind {
	case Provision:
		p.Key = newKey
	case Rotate:
		p.New = &newKey
	}
	p.Everywhere = kind != Provision
	for _, host := range hosts {
		p.Places = append(p.Places, Place{Target: "deploy@" + host, Host: lifecycle.Host{Name: host}, Account: "deploy"})
	}
	return p
}

// run carries a plan out as far as it goes.
func (g *rig) run(t *testing.T, p Plan) *Run {
	t.Helper()
	run, err := g.Begin(t.Context(), p, Approved{SHA256: "sum of " + p.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Continue(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	return run
}

// resume loads a plan and goes on.
func (g *rig) resume(t *testing.T, id string) *Run {
	t.Helper()
	run, err := Load(t.Context(), g.store, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Continue(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	return run
}

// states are the steps of a place in words.
func states(run *Run, place int) (list []string) {
	for _, step := range run.Steps {
		if step.Place == place {
			list = append(list, string(step.Kind)+" "+string(step.State))
		}
	}
	return list
}

func wantStates(t *testing.T, run *Run, place int, want ...string) {
	t.Helper()
	if got := states(run, place); !slices.Equal(got, want) {
		for _, step := range run.Steps {
			t.Logf("step %d: %s %s: %s", step.Number, step.Kind, step.State, step.Why)
		}
		t.Errorf("place %d: %q, want %q", place, got, want)
	}
}

func stepOf(t *testing.T, run *Run, kind StepKind) Step {
	t.Helper()
	for _, step := range run.Steps {
		if step.Kind == kind {
			return step
		}
	}
	t.Fatalf("no step %s", kind)
	return Step{}
}
