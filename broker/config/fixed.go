package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// setting is a setting of config.toml that the machine's owner can fix in policy.toml
// under the same table and field. The user's file can only narrow it then.
type setting struct {
	path string
	// field returns a pointer to it in a config.
	field func(*Config) any
	// narrower reports whether the user's value, which differs, is as narrow as the owner's.
	narrower func(user, owner any) bool
}

// settings lists everything that can be fixed. Other settings do not affect safety or
// are limited by [limits].
var settings = []setting{
	{"agent.forwarded_changes", func(c *Config) any { return &c.Agent.ForwardedChanges }, only(false)},
	{"softkeys.seal", func(c *Config) any { return &c.Softkeys.Seal }, never},
	{"confirm.prompt", func(c *Config) any { return &c.Confirm.Prompt }, only("none")},
	{"confirm.window", func(c *Config) any { return &c.Confirm.Window }, never},
	{"confirm.pinentry", func(c *Config) any { return &c.Confirm.Pinentry }, never},
	{"confirm.timeout", func(c *Config) any { return &c.Confirm.Timeout }, shorter},
	{"confirm.remember", func(c *Config) any { return &c.Confirm.Remember }, shorter},
	{"confirm.background", func(c *Config) any { return &c.Confirm.Background }, only("refuse")},
	{"piv.enabled", func(c *Config) any { return &c.PIV.Enabled }, only(false)},
	{"piv.pin_cache", func(c *Config) any { return &c.PIV.PINCache }, shorter},
	{"piv.unlock_gives_pin", func(c *Config) any { return &c.PIV.UnlockGivesPIN }, only(false)},
	{"pkcs11.providers", func(c *Config) any { return &c.PKCS11.Providers }, fewerPatterns},
	{"pkcs11.remote", func(c *Config) any { return &c.PKCS11.Remote }, only(false)},
	{"fido.websafe", func(c *Config) any { return &c.FIDO.Websafe }, fewerPatterns},
	{"audit.durability", func(c *Config) any { return &c.Audit.Durability }, only("power")},
	{"windows.pageant", func(c *Config) any { return &c.Windows.Pageant }, only(false)},
	{"windows.cygwin_socket", func(c *Config) any { return &c.Windows.CygwinSocket }, only("")},
	{"session.lock", func(c *Config) any { return &c.Session.Lock }, namesAll},
	{"session.suspend", func(c *Config) any { return &c.Session.Suspend }, namesAll},
	{"session.end", func(c *Config) any { return &c.Session.End }, namesAll},
	{"lifecycle.approvals", func(c *Config) any { return &c.Lifecycle.Approvals }, more},
	{"lifecycle.approvers", func(c *Config) any { return &c.Lifecycle.Approvers }, never},
	{"lifecycle.approve", func(c *Config) any { return &c.Lifecycle.Approve }, namesAll},
	{"lifecycle.elsewhere", func(c *Config) any { return &c.Lifecycle.Elsewhere }, only(false)},
	{"lifecycle.require", func(c *Config) any { return &c.Lifecycle.Require }, namesAll},
}

// implied are the settings that are fixed together with another one: a fixed way to ask
// means nothing if the user's file chooses its program, nor approvals if it chooses who
// gives them, and for what.
var implied = map[string][]string{
	"confirm.prompt":      {"confirm.window", "confirm.pinentry"},
	"lifecycle.approvals": {"lifecycle.approvers", "lifecycle.approve", "lifecycle.elsewhere"},
}

func never(_, _ any) bool { return false }

func only[T comparable](value T) func(_, _ any) bool {
	return func(user, _ any) bool { return user == any(value) }
}

func more(user, owner any) bool { return user.(int) >= owner.(int) }

func shorter(user, owner any) bool { return user.(time.Duration) <= owner.(time.Duration) }

func fewerPatterns(user, owner any) bool {
	parse := func(list any) keys.Patterns { return keys.ParsePatterns(list.(string), keys.SingleBytes) }
	return parse(user).Within(parse(owner))
}

func namesAll(user, owner any) bool {
	return !slices.ContainsFunc(owner.([]string), func(what string) bool { return !slices.Contains(user.([]string), what) })
}

// Fixed is a setting that the machine's owner has fixed, for `policy show` and `doctor`.
type Fixed struct {
	Setting  string `json:"setting"`
	Value    string `json:"value"`               // in force
	Owner    string `json:"owner"`               // what the owner fixed it to
	By       string `json:"by"`                  // the owner's file
	NotTaken string `json:"not_taken,omitempty"` // the user's value, which would be wider
}

// narrow puts the owner's settings into the user's configuration, unless the user's are
// narrower. Wider ones are ignored and reported, not refused: a setting that an owner
// fixes must not keep the brokers of a fleet from starting.
func (c *Config) narrow(owner *Machine, set map[string]bool) {
	for _, s := range settings {
		if !owner.set[s.path] {
			continue
		}
		mine, theirs := reflect.ValueOf(s.field(c)).Elem(), reflect.ValueOf(s.field(&owner.Config)).Elem()
		f := Fixed{Setting: s.path, Owner: valueText(theirs), By: owner.file}
		if same := reflect.DeepEqual(mine.Interface(), theirs.Interface()); !same && (!set[s.path] || !s.narrower(mine.Interface(), theirs.Interface())) {
			if set[s.path] {
				f.NotTaken = valueText(mine)
			}
			mine.Set(theirs)
		}
		f.Value = valueText(mine)
		c.Fixed = append(c.Fixed, f)
	}
	c.PIV.Rules = append(slices.Clone(owner.PIV.Rules), c.PIV.Rules...)
	c.MachineRules, c.OwnerLimits = owner.Rules, owner.Limits
	c.Fixed = append(c.Fixed, owner.limitsText()...)
}

func valueText(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case string:
		return cmp.Or(value, `""`)
	case []string:
		return fmt.Sprintf("%q", value)
	case time.Duration:
		return keys.ShortDuration(value)
	default:
		return fmt.Sprint(value)
	}
}
