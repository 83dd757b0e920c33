//go:build unix

package plan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/keybroker/keybroker/lifecycle/forge"
	"github.com/keybroker/keybroker/lifecycle/forge/forgetest"
	"github.com/keybroker/keybroker/lifecycle/store"
)

// killedAt makes the test binary a program that carries a plan out and is killed, as by
// kill -9, at the nth point where it looks at something or changes something.
const killedAt = "KEYBROKER_TEST_KILLED_AT"

func TestMain(m *testing.M) {
	if at := os.Getenv(killedAt); at != "" {
		os.Exit(carryOutAndDie(at))
	}
	os.Exit(m.Run())
}

// keeper dies before and after it saves, too.
type keeper struct {
	Keeper
	step func(string)
}

func (k keeper) SaveStep(ctx context.Context, plan string, step store.Step) error {
	k.step("before save")
	defer k.step("after save")
	return k.Keeper.SaveStep(ctx, plan, step)
}

// carryOutAndDie reads "N KIND DIRECTORY FORGE".
func carryOutAndDie(at string) int {
	var n int
	var kind Kind
	var dir, forge string
	if _, err := fmt.Sscan(at, &n, &kind, &dir, &forge); err != nil {
		return 2
	}
	kept, err := store.Open(context.Background(), filepath.Join(dir, "lifecycle.db"))
	if err != nil {
		return 2
	}
	g := rigIn(dir, kept)
	g.w.step = func(string) {
		if n--; n == 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	g.Keeper = keeper{kept, g.w.step}
	run, err := g.Begin(context.Background(), g.killedPlan(kind, forge), Approved{SHA256: "sum"})
	if err == nil {
		err = g.Continue(context.Background(), run)
	}
	if err != nil {
		return 2
	}
	return 0
}

func (g *rig) killedPlan(kind Kind, address string) Plan {
	p := g.plan(kind, "web1")
	p.Places = append(p.Places, g.forgeAt(forge.GitLab, address))
	p.ID = p.ID[:2] + "aaaaaa"
	p.Now = true
	return p
}

// Killed at any point, a plan goes on to the same end, with the whole proof.
func TestKilledAtEveryPoint(t *testing.T) {
	want := map[Kind]string{
		Terminate: "# mine\n" + Line(ownKey) + "\n",
		Rotate:    "# mine\n" + Line(ownKey) + "\nrestrict " + Line(newKey) + "\n" + Line(newKey) + "\n",
	}
	wantAtForge := map[Kind][]string{Rotate: {Line(newKey) + " keybroker"}}
	for _, kind := range []Kind{Terminate, Rotate} {
		for n := 1; ; n++ {
			dir := t.TempDir()
			g := newRig(t, dir)
			g.host(t, "web1", "# mine", "restrict "+Line(oldKey), Line(ownKey), Line(oldKey))
			f := forgetest.Start()
			t.Cleanup(f.Close)
			f.Add("title", Line(oldKey), "")
			killed := dieAt(t, n, kind, dir, f.URL)
			run := g.resume(t, g.killedPlan(kind, f.URL).ID)
			if !run.Finished() || g.text(t, "web1") != want[kind] {
				t.Fatalf("%s killed at %d: %v\n%s", kind, n, states(run, 0), g.text(t, "web1"))
			}
			proof := stepOf(t, run, StepRemove).Proofs[0]
			if !proof.Before.Accepted || proof.After.Accepted || proof.LetIn == "" || len(proof.Lines) != 2 || proof.SHA256[1] != sum([]byte(want[kind])) || len(proof.SHA256[0]) != 64 {
				t.Fatalf("%s killed at %d: %+v", kind, n, proof)
			}
			atForge := run.at(1)[len(run.at(1))-1].Proofs
			if got := f.Keys(); len(got) != len(wantAtForge[kind]) || len(got) == 1 && got[0] != wantAtForge[kind][0] || len(atForge) != 1 || !atForge[0].Before.Accepted || atForge[0].After.Accepted || atForge[0].After.Time.IsZero() {
				t.Fatalf("%s killed at %d: %q, %+v", kind, n, got, atForge)
			}
			if stones, err := g.store.Tombstones(t.Context()); err != nil || len(stones) != 1 {
				t.Fatalf("%s killed at %d: tombstones %v, %v", kind, n, stones, err)
			}
			if !killed {
				if n < 10 {
					t.Errorf("%s: only %d points", kind, n)
				}
				break
			}
		}
	}
}

// dieAt reports whether the program was killed before its end.
func dieAt(t *testing.T, n int, kind Kind, dir, forge string) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedAt+"="+strconv.Itoa(n)+" "+string(kind)+" "+dir+" "+forge)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true
	}
	if err != nil {
		t.Fatalf("%v: %s", err, strings.TrimSpace(string(out)))
	}
	return false
}
