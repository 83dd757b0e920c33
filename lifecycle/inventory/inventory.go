// Package inventory finds the keys of a user, where they lie, where they open doors, and
// what is wrong with that: on this machine, and on hosts.
//
// It reads no more of a private key than its public half, asks for no passphrase, and
// changes nothing.
package inventory

import (
	"context"
	"os"
	"os/user"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/lifecycle"
)

// Options says what Take looks at.
type Options struct {
	Broker      *control.Client
	AuditDir    string // of the broker
	Home        string
	Directories []string // to search for key files, besides ~/.ssh
	Remote      Remote
	Criteria    Criteria
}

// Take makes an inventory. After ctx has ended it returns what was found until then,
// with the error of ctx.
func Take(ctx context.Context, o Options) (lifecycle.Inventory, error) {
	c := newCollection()
	readBroker(ctx, c, o.Broker)
	readMachine(ctx, c, o.Home, o.Directories)
	readLog(ctx, c, o.AuditDir)
	err := readHosts(ctx, c, o.Remote)
	if err == nil {
		err = ctx.Err()
	}
	inv := c.inventory()
	inv.Taken = time.Now().UTC()
	inv.Machine, inv.User = here()
	o.Criteria.Now = inv.Taken
	inv.Findings = append(inv.Findings, Findings(&inv, o.Criteria)...)
	Sort(inv.Findings)
	return inv, err
}

// here is the name of this machine, and of its user; "": not known.
func here() (machine, name string) {
	machine, _ = os.Hostname()
	if me, err := user.Current(); err == nil {
		name = me.Username
	}
	return machine, name
}
