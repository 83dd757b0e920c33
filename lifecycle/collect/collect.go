// Package collect reads a server from within, as root: who is let in to which account,
// and which keys were used. It changes nothing.
package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/platform"
)

// Options is where a server is read. The zero value is this machine.
type Options struct {
	SSHD     []string // the command; nil: sshd
	Accounts []string // the command that lists accounts as passwd(5) does; nil: getent passwd
	Journal  []string // the command; nil: journalctl

	// Since tells until when the log of a host was read before; nil: never.
	Since func(lifecycle.Host) (time.Time, error)
}

// Machine reads this machine. Only an error that leaves nothing to show is returned;
// the others are Unseen of the inventory.
func Machine(ctx context.Context, options Options) (lifecycle.Inventory, error) {
	c := collecting{ctx: ctx, Options: options.filled(), keys: map[string]bool{}}
	c.Taken = time.Now().UTC()
	c.Machine, _ = os.Hostname()
	c.User = "root"
	if err := c.identify(); err != nil {
		return c.Inventory, err
	}
	accounts, err := c.accounts()
	if err != nil {
		return c.Inventory, err
	}
	for _, account := range accounts {
		if err := c.read(account); err != nil {
			return c.Inventory, err
		}
	}
	if err := c.readJournal(); err != nil {
		return c.Inventory, err
	}
	return c.Inventory, ctx.Err()
}

func (o Options) filled() Options {
	if o.SSHD == nil {
		o.SSHD = []string{"/usr/sbin/sshd"}
	}
	if o.Accounts == nil {
		o.Accounts = []string{"getent", "passwd"}
	}
	if o.Journal == nil {
		o.Journal = []string{"journalctl"}
	}
	return o
}

// collecting is an inventory on its way.
type collecting struct {
	ctx context.Context
	Options
	lifecycle.Inventory
	host    lifecycle.Host
	version authorized.Version
	keys    map[string]bool // that are in the inventory
	logs    bool            // sshd logs who was let in, for all accounts
}

func (c *collecting) unseen(account, what, why, remedy string) {
	c.Unseen = append(c.Unseen, lifecycle.Unseen{Host: c.host, Account: account, What: what, Why: why, Remedy: remedy})
}

// read notes who is let in to an account.
func (c *collecting) read(account account) error {
	settings, err := c.settings("user=" + account.name + ",host=localhost,addr=127.0.0.1")
	if err != nil {
		c.unseen(account.name, "sshd_config", platform.Text(err), "")
		return c.ctx.Err()
	}
	c.logs = c.logs && logsUses(settings)
	c.otherDoors(account, settings)
	paths, unknown := account.paths(settings["authorizedkeysfile"])
	for _, entry := range unknown {
		c.unseen(account.name, "authorized_keys", "AuthorizedKeysFile "+entry+": not everything that it stands for is known", "")
	}
	found, err := asUser(account, func() []file { return readFiles(paths, c.version) })
	if err != nil {
		return fmt.Errorf("files cannot be read with the rights of %s: %w", account.name, err)
	}
	c.Inventory.Accounts = append(c.Inventory.Accounts, lifecycle.Account{Host: c.host, Name: account.name})
	for _, file := range found {
		c.add(account, file)
	}
	return c.ctx.Err()
}

// otherDoors are what lets keys in that are in no file.
func (c *collecting) otherDoors(account account, settings map[string]string) {
	for setting, name := range map[string]string{"authorizedkeyscommand": "AuthorizedKeysCommand", "trustedusercakeys": "TrustedUserCAKeys"} {
		if value := settings[setting]; value != "" && value != "none" {
			c.unseen(account.name, setting, name+" "+platform.Escape(value, 200)+" lets in keys that are in no file", "")
		}
	}
}

func (c *collecting) add(account account, file file) {
	switch {
	case errors.Is(file.err, fs.ErrNotExist):
		return
	case file.err != nil: // sshd reads with the same rights, and lets nobody in by the file
		c.unseen(account.name, "authorized_keys", file.path+": "+platform.Text(file.err), "")
		return
	}
	for _, line := range authorized.Parse(file.data).Lines {
		if !line.LetsIn() {
			continue
		}
		fingerprint := line.Fingerprint()
		if !c.keys[fingerprint] {
			c.keys[fingerprint] = true
			c.Keys = append(c.Keys, lifecycle.Key{Fingerprint: fingerprint, Type: line.Type, Bits: bits(line.Key), Blob: line.Blob})
		}
		c.Places = append(c.Places, lifecycle.Place{Host: c.host, Account: account.name, File: file.path, Line: line.Number, Fingerprint: fingerprint,
			Options: line.Options, Comment: strings.TrimSpace(line.Comment), FileTime: file.modified.UTC()})
	}
}
