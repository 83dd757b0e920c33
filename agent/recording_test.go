package agent

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// hangingDisk makes every record wait until the returned function is called.
func (r *rig) hangingDisk() (goOn func()) {
	r.t.Helper()
	hang, written := make(chan struct{}), r.server.recording.append
	r.server.recording.limit = 50 * time.Millisecond
	r.server.recording.append = func(record audit.Record) (audit.Record, error) {
		<-hang
		return written(record)
	}
	return func() {
		close(hang)
		r.eventually(func() bool { return r.server.recording.late.Load() == 0 })
	}
}

func (r *rig) eventually(is func() bool) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatal("it does not come about")
		}
	}
}

func (r *rig) wantDiskHangs(what string) {
	r.t.Helper()
	refusals := r.server.Refusals()
	if len(refusals) == 0 {
		r.t.Fatalf("%s: nothing was refused", what)
	}
	if why := refusals[len(refusals)-1]; !strings.Contains(why.Reason, "disk of the audit log does not answer") || why.Remedy == "" {
		r.t.Errorf("%s: %+v", what, why)
	}
}

// A disk that hangs ends the request whose record it has, and refuses the following ones at
// once. When the disk goes on, so does all, and the log says what was refused.
func TestADiskThatHangsRefuses(t *testing.T) {
	r := newRig(t, allowAll)
	goOn := r.hangingDisk()
	data := gitData("x")
	first := r.connect()
	first.send(r.sign(data))
	if reply, err := wire.ReadFrame(first.conn); !errors.Is(err, io.EOF) {
		t.Errorf("the first request: %q, %v", reply, err)
	}
	r.wantDiskHangs("the first request")
	c := r.connect()
	if reply := c.ask(r.sign(data)); reply != wire.Failure {
		t.Errorf("the second request: %#v", reply)
	}
	r.wantDiskHangs("the second request")
	if r.server.AuditErr() == nil {
		t.Error("status does not tell of it")
	}
	if _, ok := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok {
		t.Error("there is no list")
	}
	goOn()
	r.eventually(func() bool { // a busy machine's disk may be too slow once more
		key := r.source.Info().PublicKey
		signature, err := r.library().Sign(key, data)
		return err == nil && key.Verify(data, signature) == nil
	})
	if err := r.server.AuditErr(); err != nil {
		t.Errorf("the problem stays: %v", err)
	}
	r.eventually(func() bool { return len(r.records(keys.OpSign)) >= 3 })
	if all := r.records(keys.OpSign); all[0].Decision != audit.Allowed || !slices.ContainsFunc(all, func(late audit.Record) bool {
		return late.ID == all[0].ID && late.Decision == audit.Refused
	}) {
		t.Errorf("the log has %+v", all)
	}
}

// What is no signature is answered while its record hangs, and corrected.
func TestAChangeWhoseRecordHangsIsRefused(t *testing.T) {
	r := newRig(t, allowAll)
	goOn := r.hangingDisk()
	agent := r.library()
	if err := agent.Add(sshagent.AddedKey{PrivateKey: privateKeys(t)["ed25519"], Comment: "new"}); err == nil {
		t.Error("a key is added without a record")
	}
	r.wantDiskHangs("add")
	goOn()
	r.eventually(func() bool { return len(r.records(keys.OpAdd)) == 2 })
	if all := r.records(keys.OpAdd); all[0].Decision != audit.Allowed || all[1].Decision != audit.Refused || all[1].ID != all[0].ID {
		t.Errorf("the log has %+v", all)
	}
	if slices.Contains(commentsOf(t, agent), "new") {
		t.Error("the key is there")
	}
}
