// Package config reads config.toml and policy.toml, strictly: an unknown setting, a
// wrong type or a value out of bounds is an error, with its place in the file.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/sources/certificates"
)

// Config is config.toml, narrowed by what the machine's owner fixed. docs/config.md
// explains it to users.
type Config struct {
	Agent struct {
		ForwardedChanges bool `toml:"forwarded_changes"` // forwarded connections may add, remove and lock
	} `toml:"agent"`
	Softkeys struct {
		Seal           string `toml:"seal"`            // "auto", "keychain", "passphrase"
		PassphraseFile string `toml:"passphrase_file"` // for servers
	} `toml:"softkeys"`
	Confirm struct {
		Prompt   string        `toml:"prompt"`   // one of ways.Prompts
		Window   string        `toml:"window"`   // path of keybroker-desktop; "": the one beside this program
		Pinentry string        `toml:"pinentry"` // path of the program; "" finds one
		Timeout  time.Duration `toml:"timeout"`  // after which the request is refused
		Remember time.Duration `toml:"remember"` // the longest grant to offer when no rule matches

		Background string `toml:"background"` // for requests of programs in the background: "quiet", "ask", "refuse"
	} `toml:"confirm"`
	PIV struct {
		Enabled  bool          `toml:"enabled"`   // false: readers are left alone
		PINCache time.Duration `toml:"pin_cache"` // how long a PIN is kept; "0s" asks each time
		// UnlockGivesPIN: ssh-add -X passes the PIN while nothing is locked.
		UnlockGivesPIN bool            `toml:"unlock_gives_pin"`
		Rules          []cardkeys.Rule `toml:"rule"` // which keys of a card are listed
	} `toml:"piv"`
	PKCS11 struct {
		Providers string `toml:"providers"` // patterns of libraries that ssh-add -s and -S may load
		Remote    bool   `toml:"remote"`    // connections that serve a remote host may load them
	} `toml:"pkcs11"`
	FIDO struct {
		Websafe string `toml:"websafe"` // patterns of applications whose keys may sign anything
	} `toml:"fido"`
	Certificates struct {
		Plain string `toml:"plain"` // where the key is listed beside its certificate: "after", "before", "hidden"
	} `toml:"certificates"`
	Audit struct {
		Durability    string `toml:"durability"`     // "process" or "power"
		CheckpointKey string `toml:"checkpoint_key"` // which key signs checkpoints: its name or fingerprint
	} `toml:"audit"`
	Session   Session   `toml:"session"`
	Lifecycle Lifecycle `toml:"lifecycle"`
	Windows   Windows   `toml:"windows"`
	Tray      struct {
		Notify []string `toml:"notify"` // the events that it notifies about
	} `toml:"tray"`
	Forges    []Forge       `toml:"forge"`    // where the user has an account
	Upstreams []Upstream    `toml:"upstream"` // other agents
	Sockets   []Socket      `toml:"socket"`   // separate sockets
	Rules     []policy.Rule `toml:"rule"`

	Paths        platform.Paths `toml:"-"`
	MachineRules []policy.Rule  `toml:"-"` // of the machine's owner
	OwnerLimits  policy.Limits  `toml:"-"` // likewise
	Fixed        []Fixed        `toml:"-"` // by the machine's owner
}

// maxPINCache is longer than any working day.
const maxPINCache = 24 * time.Hour

// Defaults of ssh-agent(1).
const (
	DefaultProviders = "/usr/lib*/*,/usr/local/lib*/*" // -P
	DefaultWebsafe   = "ssh:*"                         // -O websafe-allow
)

// notifyKinds are the values of [tray] notify, as keybroker-desktop knows them.
var notifyKinds = []string{"touch", "waiting", "grant", "refused", "approve", "rules"}

// Bounds of [confirm].
const (
	minTimeout = 5 * time.Second // less is too short to read the question
	maxTimeout = time.Hour       // ssh and git have given up long before
)

// Default is the configuration without a file.
func Default() Config {
	var c Config
	c.Softkeys.Seal = "auto"
	c.Confirm.Prompt = "auto"
	c.Confirm.Background = string(confirm.QuietBackground)
	c.Confirm.Timeout = 60 * time.Second
	c.Confirm.Remember = 15 * time.Minute
	c.PIV.Enabled, c.PIV.PINCache = true, 15*time.Minute
	c.PKCS11.Providers = DefaultProviders
	c.FIDO.Websafe = DefaultWebsafe
	c.Certificates.Plain = string(certificates.PlainAfter)
	c.Audit.Durability = "process"
	c.Session = defaultSession()
	c.Lifecycle = defaultLifecycle()
	c.Windows = defaultWindows()
	c.Tray.Notify = notifyKinds
	return c
}

// InvalidError marks a configuration that cannot be used. It counts as wrong usage, not
// as a failure.
type InvalidError struct{ error }

func (e InvalidError) Unwrap() error { return e.error }

// Invalid makes err an InvalidError.
func Invalid(err error) error { return InvalidError{err} }

// Read reads the machine's rules and the user's configuration. A missing file counts as
// empty, unless mustExist is set because the person named it.
func Read(paths platform.Paths, mustExist bool) (Config, error) {
	c := Default()
	c.Paths = paths
	var set map[string]bool
	data, err := platform.ReadTrusted(paths.ConfigFile, maxFile)
	if err == nil {
		err = platform.CheckTrustedDir(filepath.Dir(paths.ConfigFile))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && !mustExist:
	case err != nil:
		return c, InvalidError{fmt.Errorf("the configuration cannot be read: %w", problem.WithDefault(err, "check that it exists and is yours: ls -l %s", paths.ConfigFile))}
	default:
		if err := c.decode(paths.ConfigFile, data); err != nil {
			return c, InvalidError{problem.With(fmt.Errorf("the configuration has errors:\n%w", err), "correct them, then: keybroker policy check")}
		}
		if set, err = pathsIn(paths.ConfigFile, data); err != nil {
			return c, err
		}
	}
	owner, err := ReadMachine(paths.MachinePolicy)
	if err != nil {
		return c, err
	}
	c.narrow(owner, set)
	return c, nil
}

func (c *Config) decode(file string, data []byte) error {
	if err := decode(file, data, c); err != nil {
		return err
	}
	return errors.Join(c.checkValues(file, data), c.checkAgents(file, data), c.checkForges(file, data), checkRules(file, data, c.Rules))
}

// checkValues finds the faults of single settings.
func (c *Config) checkValues(file string, data []byte) error {
	return errors.Join(
		oneOf(file, data, "softkeys.seal", c.Softkeys.Seal, "auto", "keychain", "passphrase"),
		absolute(file, data, "softkeys.passphrase_file", c.Softkeys.PassphraseFile),
		oneOf(file, data, "confirm.prompt", c.Confirm.Prompt, ways.Prompts()...),
		oneOf(file, data, "confirm.background", c.Confirm.Background, string(confirm.QuietBackground), string(confirm.AskBackground), string(confirm.RefuseBackground)),
		oneOf(file, data, "certificates.plain", c.Certificates.Plain, "after", "before", "hidden"),
		oneOf(file, data, "audit.durability", c.Audit.Durability, "process", "power"),
		within(file, data, "confirm.timeout", c.Confirm.Timeout, minTimeout, maxTimeout),
		within(file, data, "confirm.remember", c.Confirm.Remember, 0, policy.MaxRemember),
		within(file, data, "piv.pin_cache", c.PIV.PINCache, 0, maxPINCache),
		checkCardRules(file, data, c.PIV.Rules),
		c.Session.check(file, data),
		c.Lifecycle.check(file, data),
		c.Windows.check(file, data),
		eachOneOf(file, data, "tray.notify", c.Tray.Notify, notifyKinds...),
	)
}

func checkCardRules(file string, data []byte, rules []cardkeys.Rule) error {
	var all error
	for i, rule := range rules {
		if err := rule.Validate(); err != nil {
			all = errors.Join(all, errorAt(file, data, fmt.Sprintf("piv.rule[%d]", i), err))
		}
	}
	return all
}

func oneOf(file string, data []byte, path, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return errorAt(file, data, path, fmt.Errorf("%q is not known: use %s", value, keys.Alternatives(allowed)))
}

func eachOneOf(file string, data []byte, path string, values []string, allowed ...string) error {
	for _, value := range values {
		if err := oneOf(file, data, path, value, allowed...); err != nil {
			return err
		}
	}
	return nil
}

// absolute refuses a relative path: each program that reads it would find another file.
func absolute(file string, data []byte, path, value string) error {
	if value == "" || filepath.IsAbs(value) {
		return nil
	}
	return errorAt(file, data, path, fmt.Errorf("%.256q is not an absolute path: write the whole path, without ~", value))
}

func within(file string, data []byte, path string, value, low, high time.Duration) error {
	if value >= low && value <= high {
		return nil
	}
	return errorAt(file, data, path, fmt.Errorf("%s is not between %s and %s", keys.ShortDuration(value), keys.ShortDuration(low), keys.ShortDuration(high)))
}

// AuditDir is the directory of the audit log.
func (c *Config) AuditDir() string { return filepath.Join(c.Paths.StateDir, "audit") }

// PolicyRules combines the rules of the machine's owner and of the user with the views
// of the sockets.
func (c *Config) PolicyRules() *policy.Rules {
	return policy.New(c.MachineRules, c.Rules, policy.Options{DefaultRemember: c.Confirm.Remember, Limits: c.OwnerLimits}).WithViews(c.views()...)
}
