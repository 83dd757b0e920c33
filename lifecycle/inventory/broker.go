package inventory

import (
	"context"
	"slices"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
)

// readBroker notes the keys of the running broker, those on cards too.
func readBroker(ctx context.Context, c *collection, broker *control.Client) {
	list, err := broker.Keys(ctx)
	if err != nil {
		what, remedy := platform.Explain(err)
		c.unseen(lifecycle.Unseen{What: "keys of the broker", Why: what, Remedy: remedy})
		return
	}
	for _, key := range list {
		public, _, _, _, err := publickey.ParseLine([]byte(key.PublicKey))
		if err != nil {
			c.unseen(lifecycle.Unseen{What: "key " + key.Name + " of the broker", Why: "its public half cannot be read: " + key.State})
			continue
		}
		c.source(c.key(public, key.Name, key.Comment), key.Source)
	}
	claims, err := broker.Claims(ctx)
	if err != nil {
		c.unseen(lifecycle.Unseen{What: "owners of keys", Why: platform.Text(err)})
	}
	c.add(func(inv *lifecycle.Inventory) {
		for _, claim := range claims {
			inv.Claims = append(inv.Claims, lifecycle.Claim{
				Fingerprint: claim.Fingerprint, Owner: claim.Owner, Purpose: claim.Purpose, Ticket: claim.Ticket, Expires: claim.Expires,
			})
		}
	})
}

// ownProgram reads hosts. Its logins are no uses of a key.
const ownProgram = "keybroker-lifecycle"

func ownLogins(r audit.Record) bool {
	return r.Peer != nil && slices.Contains(r.Peer.Chain, ownProgram)
}

// useID is what makes two signatures the same sighting.
type useID struct{ key, host, name, account, program string }

// readLog sums up the signatures in the broker's audit log by key, host, account and
// program, and notes since when it watches.
func readLog(ctx context.Context, c *collection, dir string) {
	sightings := map[useID]*lifecycle.Sighting{}
	bad := 0
	for r, err := range audit.Read(dir, audit.Filter{Ops: []keys.Op{keys.OpSign}, Decision: audit.Allowed}) {
		if ctx.Err() != nil {
			return
		}
		if err != nil || r.Key == nil {
			bad++
			continue
		}
		if !ownLogins(r) {
			note(sightings, r)
		}
	}
	if bad > 0 {
		c.unseen(lifecycle.Unseen{What: "audit log of the broker", Why: keys.Counted(bad, "record") + " cannot be read", Remedy: "keybroker log verify"})
	}
	c.add(func(inv *lifecycle.Inventory) {
		for _, s := range sightings {
			inv.Sightings = append(inv.Sightings, *s)
		}
	})
}

func note(sightings map[useID]*lifecycle.Sighting, r audit.Record) {
	id := useID{key: r.Key.Fingerprint}
	if d := r.Destination; d != nil && d.Trust.Proved() {
		id.host, id.name = d.Host.Fingerprint, d.Typed
		if id.name == "" && len(d.Host.Names) > 0 {
			id.name = d.Host.Names[0]
		}
	}
	if r.Purpose != nil {
		id.account = r.Purpose.User
	}
	if r.Peer != nil {
		id.program = r.Peer.Program
	}
	s := sightings[id]
	if s == nil {
		s = &lifecycle.Sighting{
			Source: lifecycle.FromBroker, Fingerprint: id.key, Host: lifecycle.Host{Key: id.host, Name: id.name},
			Account: id.account, Program: id.program, First: r.Time, Last: r.Time,
		}
		sightings[id] = s
	}
	s.Count += max(1, r.Repeats)
	if r.Time.Before(s.First) {
		s.First = r.Time
	}
	if r.Time.After(s.Last) {
		s.Last = r.Time
	}
}
