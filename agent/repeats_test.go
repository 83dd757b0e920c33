package agent

import (
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// stormRig is a rig in which a test chooses what the clients are.
func stormRig(t *testing.T, rules ...policy.Rule) (*rig, *atomic.Pointer[platform.Process]) {
	var who atomic.Pointer[platform.Process]
	who.Store(&platform.Process{PID: 1, Name: "ssh", Executable: "/usr/bin/ssh"})
	r := newRigWith(t, func(c *Config) {
		c.PeerOf = func(conn net.Conn) (platform.Peer, error) {
			peer, err := platform.PeerOf(conn)
			peer.Process = *who.Load()
			return peer, err
		}
	}, rules...)
	return r, &who
}

// unknownKey is another one each time, as a hostile host would have it.
func unknownKey(i int) wire.SignRequest {
	return wire.SignRequest{KeyBlob: binary.BigEndian.AppendUint32(make([]byte, 60), uint32(i)), Data: gitData("x")}
}

// written adds up the refused records that are written: how many there are, and
// how many refusals they stand for.
func (r *rig) written(op keys.Op) (records, refusals int) {
	for _, record := range r.records(op) {
		if record.Decision == audit.Refused {
			records++
			refusals += max(record.Repeats, 1)
		}
	}
	return records, refusals
}

func (r *rig) remembers(reason string) bool {
	for _, record := range r.server.Refusals() {
		if record.Reason == reason {
			return true
		}
	}
	return false
}

func TestRefusalsThatRepeatAreCounted(t *testing.T) {
	r, who := stormRig(t, policy.Rule{Name: "no", Key: "work", Action: policy.Refuse})
	r.connect().ask(r.sign(gitData("x")))
	reason := r.last().Reason
	if !r.remembers(reason) {
		t.Fatal("why does not know it at once")
	}

	who.Store(&platform.Process{PID: 2, Name: "ssh", Executable: "/usr/bin/ssh"})
	const asked = 5000
	c := r.connect()
	for i := range repeatBurst {
		c.ask(unknownKey(i))
	}
	if records, _ := r.written(keys.OpSign); records != 1+repeatBurst {
		t.Errorf("%d records of as many that are written one by one", records)
	}
	for i := range asked - repeatBurst {
		if i%1000 == 0 {
			c = r.connect() // which connection it is does not matter
		}
		c.ask(unknownKey(i))
	}
	last := r.server.Refusals()[len(r.server.Refusals())-1]
	if last.Repeats != asked-repeatBurst {
		t.Errorf("why says that %d were alike", last.Repeats)
	}
	for i := range 2 * repeatBurst {
		c.ask(wire.RemoveIdentity{KeyBlob: unknownKey(i).KeyBlob})
	}
	if !r.remembers(reason) {
		t.Error("the storm pushed out why another ssh was refused")
	}

	// Others are still written one by one, and so is another kind of the same program.
	who.Store(&platform.Process{PID: 3, Name: "good", Executable: "/usr/bin/good"})
	r.connect().ask(unknownKey(1))
	c.ask(r.sign(gitData("y")))
	if records, _ := r.written(keys.OpSign); records != 1+repeatBurst+2 {
		t.Errorf("%d records", records)
	}
	r.server.Shutdown(context.Background())
	if records, refusals := r.written(keys.OpSign); records != 1+repeatBurst+2+1 || refusals != asked+3 {
		t.Errorf("%d records stand for %d refusals", records, refusals)
	}
}

// Many programs, or one that starts itself anew, cause no more than one socket may.
func TestStormOfManyPrograms(t *testing.T) {
	r, who := stormRig(t)
	r.connect().ask(unknownKey(0))
	first := r.last()
	const asked = socketBurst + 1000
	for i := range asked {
		who.Store(&platform.Process{PID: 100 + i, Name: "bad", Executable: "/tmp/bad"})
		c := r.connect()
		c.ask(unknownKey(i))
		c.conn.Close()
	}
	if records, _ := r.written(keys.OpSign); records > socketBurst+100 {
		t.Errorf("%d records", records)
	}
	found := false
	for _, record := range r.server.Refusals() {
		found = found || record.ID == first.ID
	}
	if !found {
		t.Error("the storm pushed out why another program was refused")
	}
	if n := len(r.server.repeats.kinds); n > maxKinds+10 {
		t.Errorf("%d kinds are told apart", n)
	}
	r.server.Shutdown(context.Background())
	if _, refusals := r.written(keys.OpSign); refusals != 1+asked {
		t.Errorf("the records stand for %d refusals", refusals)
	}
}

// A program that has its keys listed over ever new connections fills no disk.
func TestListsThatRepeatAreCounted(t *testing.T) {
	r, _ := stormRig(t)
	for range 2 * repeatBurst {
		c := r.connect()
		c.ask(wire.RequestIdentities{})
		c.conn.Close()
	}
	if lists := r.records(keys.OpList); len(lists) != repeatBurst {
		t.Errorf("%d records", len(lists))
	}
	r.server.Shutdown(context.Background())
	lists := r.records(keys.OpList)
	if last := lists[len(lists)-1]; len(lists) != repeatBurst+1 || last.Repeats != repeatBurst {
		t.Errorf("%d records, the last %+v", len(lists), last)
	}
}

// After a while one more record of a kind is written by itself, and a kind that
// was quiet is forgotten.
func TestRepeatsRefill(t *testing.T) {
	var r repeats
	now := time.Unix(1_000_000, 0)
	admit := func(name string) bool {
		return r.admit(kind{rule: name}, audit.Record{}, now, func(audit.Record) {})
	}
	for range repeatBurst {
		if !admit("a") {
			t.Fatal("it is counted too early")
		}
	}
	now = now.Add(repeatRefill)
	if !admit("a") || admit("a") {
		t.Error("not exactly one more")
	}
	r.close(func(audit.Record) {})
	now = now.Add(repeatBurst * repeatRefill)
	for i := range maxKinds {
		admit(strconv.Itoa(i))
	}
	if r.kinds[kind{rule: "a"}] != nil || len(r.kinds) > maxKinds {
		t.Errorf("%d kinds, the quiet one among them", len(r.kinds))
	}
}

// A forwarded host that a rule allows to sign fills no disk, and takes nothing
// from the programs of this machine.
func TestBorrowersHaveABudgetOfRecords(t *testing.T) {
	yes := true
	r := newRig(t, policy.Rule{Name: "forwarded", Forwarded: &yes, Action: policy.Allow}, allowAll)
	spend := func(who borrower) {
		for range borrowedBurst {
			if !r.server.borrowed.take(who, time.Now()) {
				t.Fatal("the budget is smaller than it should be")
			}
		}
	}
	c := r.connect()
	if reply := c.ask(newHost(t).bind("session", true)); reply != wire.Success {
		t.Fatalf("%#v", reply)
	}
	if reply := c.ask(r.sign(gitData("x"))); !r.verifies(reply, gitData("x")) {
		t.Fatalf("within the budget: %#v", reply)
	}
	peer, err := platform.PeerOf(c.conn) // it is this process, at both ends
	if err != nil {
		t.Fatal(err)
	}
	r.server.borrowed = borrowed{}
	spend(borrower{program: programOf(peer)})
	if reply := c.ask(r.sign(gitData("x"))); reply != wire.Failure || r.last().Reason != tooManyRecords.reason {
		t.Errorf("%#v, %+v", reply, r.last())
	}
	if reply := r.connect().ask(r.sign(gitData("x"))); !r.verifies(reply, gitData("x")) {
		t.Errorf("not forwarded: %#v", reply)
	}
	if !r.server.borrowed.take(borrower{socket: "box"}, time.Now()) {
		t.Error("another borrower has no budget")
	}
}

// A program that pauses, locks or revokes without end cannot fill the log. What
// it does is done each time, and counted.
func TestChangesOfTheBrokerHaveABudget(t *testing.T) {
	r, who := stormRig(t)
	peer := func(pid int) platform.Peer {
		return platform.Peer{User: "1", Process: platform.Process{PID: pid, Name: "bad", Executable: "/tmp/bad"}}
	}
	const times = socketBurst
	for i := range times { // each in a process of its own
		if r.server.Pause(peer(i)) != nil || !r.server.Status().Paused || r.server.Resume(peer(i)) != nil || r.server.Status().Paused {
			t.Fatal("it was not done")
		}
		r.server.Revoke(peer(i), "")
		r.server.Drop(Drop{Grants: true}, "the screen was locked", false)
	}
	total := func() (records, changes int) {
		for _, record := range r.records("") {
			if record.Op != keys.OpSign {
				records++
				changes += max(record.Repeats, 1)
			}
		}
		return records, changes
	}
	if records, _ := total(); records > socketBurst+100 {
		t.Errorf("%d records", records)
	}
	who.Store(&platform.Process{PID: 3, Name: "good", Executable: "/usr/bin/good"})
	r.connect().ask(unknownKey(1))
	if records, _ := r.written(keys.OpSign); records != 1 {
		t.Errorf("the storm hid the refusal of another program: %d records", records)
	}
	digest := r.server.Rules().Digest() // of what was in force when it happened, not when it was counted
	r.server.SetRules(policy.New(nil, []policy.Rule{allowAll}, policy.Options{}))
	r.server.Shutdown(context.Background())
	if _, changes := total(); changes != 4*times {
		t.Errorf("%d changes are on record, want %d", changes, 4*times)
	}
	for _, record := range r.records(keys.OpRevoke) {
		if record.Rules != digest {
			t.Errorf("%+v", record)
		}
	}
}

// A storm of refusals does not delay the record of a pause.
func TestAStormHidesNoPause(t *testing.T) {
	r, who := stormRig(t)
	const asked = socketBurst + 200
	for i := range asked {
		if i%repeatBurst == 0 {
			who.Store(&platform.Process{PID: 100 + i, Name: "bad", Executable: "/tmp/bad"})
		}
		c := r.connect()
		c.ask(unknownKey(i))
		c.conn.Close()
	}
	if records, _ := r.written(keys.OpSign); records == asked { // the budget refills with time
		t.Fatal("the storm did not use up its budget")
	}
	if err := r.server.Pause(platform.Peer{}); err != nil || len(r.records(keys.OpPause)) != 1 {
		t.Errorf("%v, %+v", err, r.records(keys.OpPause))
	}
}
