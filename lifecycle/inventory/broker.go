package inventory

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
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

// readLog notes the signatures in the broker's audit log by key, host and account, and
// how long the broker watched: as a whole, and each key while it held it.
func readLog(ctx context.Context, c *collection, dir string) {
	usage, err := audit.Usage(ctx, dir)
	watches, errWatches := audit.Watches(ctx, dir)
	if err = errors.Join(err, errWatches); err != nil && ctx.Err() == nil {
		c.unseen(lifecycle.Unseen{What: "audit log of the broker", Why: platform.Text(err), Remedy: "keybroker log verify"})
	}
	c.add(func(inv *lifecycle.Inventory) {
		for _, watch := range watches {
			inv.Watches = append(inv.Watches, lifecycle.Watch{Source: lifecycle.FromBroker, Since: watch.Since, Until: watch.Until})
		}
		for _, fingerprint := range slices.Sorted(maps.Keys(usage)) {
			addUsage(inv, fingerprint, usage[fingerprint])
		}
	})
}

func addUsage(inv *lifecycle.Inventory, fingerprint string, usage audit.KeyUsage) {
	for _, watch := range usage.Watched {
		inv.Watches = append(inv.Watches, lifecycle.Watch{Source: lifecycle.FromBroker, Fingerprint: fingerprint, Since: watch.Since, Until: watch.Until})
	}
	for _, place := range usage.Places {
		s := lifecycle.Sighting{
			Source: lifecycle.FromBroker, Fingerprint: fingerprint, Host: lifecycle.Host{Key: place.HostKey, Name: place.Host},
			Account: place.User, First: place.First, Last: place.Last, Count: place.Count,
		}
		if len(usage.Programs) == 1 { // else it is not known which of them it was
			s.Program = usage.Programs[0]
		}
		inv.Sightings = append(inv.Sightings, s)
	}
}
