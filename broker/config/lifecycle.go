package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// maxWarnDays is as long as any key should live.
const maxWarnDays = 366

// Lifecycle is [lifecycle]: what is asked of keys over their life.
type Lifecycle struct {
	Approvals int      `toml:"approvals"` // how many other persons must approve a plan
	Approvers string   `toml:"approvers"` // path of the file of allowed signers (ssh-keygen(1))
	Approve   []string `toml:"approve"`   // the kinds of plan that need approvals
	Elsewhere bool     `toml:"elsewhere"` // other accounts and machines than the one that made an approved plan may carry it out
	Require   []string `toml:"require"`   // what must be said of a key before it is provisioned: keys.ClaimFields
	WarnDays  int      `toml:"warn_days"` // how many days before its expiry status, doctor and the tray tell of a key
}

// approvable are the kinds of plan. What opens a door needs approval by default; what
// closes one must not wait at night.
var approvable = []string{"provision", "rotate", "terminate", "restore"}

// maxApprovals is more than any organisation asks for.
const maxApprovals = 16

func defaultLifecycle() Lifecycle {
	return Lifecycle{Approve: []string{"provision", "rotate", "restore"}, Require: []string{}, WarnDays: 14}
}

func (l Lifecycle) check(file string, data []byte) error {
	var days error
	if l.WarnDays < 0 || l.WarnDays > maxWarnDays {
		days = errorAt(file, data, "lifecycle.warn_days", fmt.Errorf("%d is not between 0 and %d", l.WarnDays, maxWarnDays))
	}
	var approvals error
	if l.Approvals < 0 || l.Approvals > maxApprovals {
		approvals = errorAt(file, data, "lifecycle.approvals", fmt.Errorf("%d is not between 0 and %d", l.Approvals, maxApprovals))
	}
	return errors.Join(approvals, absolute(file, data, "lifecycle.approvers", l.Approvers), eachOneOf(file, data, "lifecycle.approve", l.Approve, approvable...),
		eachOneOf(file, data, "lifecycle.require", l.Require, keys.ClaimFields...), days)
}

// ReadApprovers reads the file of allowed signers. If the machine's owner named it, only
// the owner may be able to change it.
func (c *Config) ReadApprovers() ([]byte, error) {
	path := c.Lifecycle.Approvers
	read := platform.ReadTrusted
	if slices.ContainsFunc(c.Fixed, func(f Fixed) bool { return f.Setting == "lifecycle.approvers" }) {
		if err := platform.OwnersDirectory(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("the approvers in %s are not used: %w", path, err)
		}
		read = platform.ReadRoots
	}
	data, err := read(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("the approvers cannot be read: %w", err)
	}
	return data, nil
}

// WarnTime is how long before its expiry a key is a problem.
func (l Lifecycle) WarnTime() time.Duration { return time.Duration(l.WarnDays) * 24 * time.Hour }
