package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// maxWarnDays is as long as any key should live.
const maxWarnDays = 366

// Lifecycle is [lifecycle]: what is asked of keys over their life.
type Lifecycle struct {
	Require  []string `toml:"require"`   // what must be said of a key before it is provisioned: keys.ClaimFields
	WarnDays int      `toml:"warn_days"` // how many days before its expiry a key is a problem in status and doctor
}

func defaultLifecycle() Lifecycle { return Lifecycle{Require: []string{}, WarnDays: 14} }

func (l Lifecycle) check(file string, data []byte) error {
	var days error
	if l.WarnDays < 0 || l.WarnDays > maxWarnDays {
		days = errorAt(file, data, "lifecycle.warn_days", fmt.Errorf("%d is not between 0 and %d", l.WarnDays, maxWarnDays))
	}
	return errors.Join(eachOneOf(file, data, "lifecycle.require", l.Require, keys.ClaimFields...), days)
}

// WarnTime is how long before its expiry a key is a problem.
func (l Lifecycle) WarnTime() time.Duration { return time.Duration(l.WarnDays) * 24 * time.Hour }
