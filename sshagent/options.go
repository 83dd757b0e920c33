package sshagent

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/problem"
)

// maxLifetime is what the protocol's 32 bits of seconds hold.
const maxLifetime = (1<<32 - 1) * time.Second

// options is a command line of ssh-agent(1).
type options struct {
	csh, sh    bool          // -c, -s
	foreground bool          // -D
	debug      bool          // -d
	kill       bool          // -k
	version    bool          // -V
	temporary  bool          // -T: the socket goes to $TMPDIR
	keepStale  bool          // -U: leave other agents' stale sockets
	clean      int           // -u: only remove those; twice: of other machines too
	socket     string        // -a
	hash       string        // -E: of the fingerprint in a confirmation
	lifetime   time.Duration // -t: of keys added without one
	providers  string        // -P: patterns of PKCS#11 and FIDO libraries
	websafe    string        // -O websafe-allow=: patterns of applications; "*": no-restrict-websafe
	remote     bool          // -O allow-remote-pkcs11
	command    []string

	release    string   // keybroker's version, for -V
	flags      []string // the arguments before the command
	background bool     // this process is the agent that another process started
	ready      *os.File // with background: closed once the agent serves
}

// errUsage means that the usage must be shown.
var errUsage = errors.New("wrong usage")

// fingerprintHashes are the values of -E.
var fingerprintHashes = []string{"md5", "sha1", "sha256", "sha384", "sha512"}

// parse reads a command line as getopt(3) does: flags may be joined, a
// value may follow its flag at once, and the first other word is the command.
func parse(args []string) (options, error) {
	o := options{hash: "sha256"}
	rest := args
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		word := rest[0][1:]
		rest = rest[1:]
		if word == "-" {
			break
		}
		for len(word) > 0 {
			letter := word[0]
			word = word[1:]
			value := ""
			if strings.IndexByte("EaOPt", letter) >= 0 {
				if value = word; value == "" {
					if len(rest) == 0 {
						return o, fmt.Errorf("option requires an argument -- %c: %w", letter, errUsage)
					}
					value, rest = rest[0], rest[1:]
				}
				word = ""
			}
			if err := o.set(letter, value); err != nil {
				return o, err
			}
		}
	}
	o.command, o.flags = rest, args[:len(args)-len(rest)]
	return o, o.finish()
}

// set takes one flag. The short cases are in the manual page's order.
func (o *options) set(letter byte, value string) error {
	switch letter {
	case 'a':
		o.socket = value
	case 'c':
		o.csh = true
	case 'D':
		o.foreground = true
	case 'd':
		o.debug = true
	case 'E':
		if o.hash = strings.ToLower(value); !slices.Contains(fingerprintHashes, o.hash) {
			return problem.With(fmt.Errorf("invalid hash algorithm %q", value), "use one of: %s", strings.Join(fingerprintHashes, ", "))
		}
	case 'k':
		o.kill = true
	case 'O':
		return o.setExtra(value)
	case 'P':
		if o.providers != "" {
			return problem.New("-P was given twice", "give one list, with commas")
		}
		o.providers = value
	case 's':
		o.sh = true
	case 'T':
		o.temporary = true
	case 't':
		var err error
		if o.lifetime, err = sshTime(value); err != nil {
			return fmt.Errorf("invalid lifetime: %w: %w", err, errUsage)
		}
	case 'U':
		o.keepStale = true
	case 'u':
		o.clean++
	case 'V':
		o.version = true
	default:
		return fmt.Errorf("unknown option -- %c: %w", letter, errUsage)
	}
	return nil
}

func (o *options) setExtra(value string) error {
	list, websafe := strings.CutPrefix(value, "websafe-allow=")
	switch {
	case websafe && o.websafe != "":
		return problem.New("-O websafe-allow was given twice", "give one list, with commas")
	case websafe:
		o.websafe = list
	case value == "no-restrict-websafe":
		o.websafe = "*"
	case value == "allow-remote-pkcs11":
		o.remote = true
	default:
		return problem.With(fmt.Errorf("unknown -O option %q", value), "it takes no-restrict-websafe, allow-remote-pkcs11 and websafe-allow=PATTERNS")
	}
	return nil
}

func (o *options) finish() error {
	alone := o.csh || o.sh || o.kill || o.debug || o.foreground || o.clean > 0
	switch {
	case o.csh && o.sh, o.debug && o.foreground, len(o.command) > 0 && alone:
		return errUsage
	}
	if o.providers == "" {
		o.providers = config.DefaultProviders
	}
	if o.websafe == "" {
		o.websafe = config.DefaultWebsafe
	}
	return nil
}

// sshTime reads the time formats of sshd_config(5): "90", "1h30m", "2w".
func sshTime(text string) (time.Duration, error) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	var total time.Duration
	for rest := text; rest != "" || text == ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseUint(rest[:digits], 10, 32)
		if err != nil {
			return 0, fmt.Errorf("%q is not a time: write seconds, or for example 1h30m", text)
		}
		unit := time.Second
		if rest = rest[digits:]; rest != "" {
			if unit = units[rest[0]|0x20]; unit == 0 {
				return 0, fmt.Errorf("%q is not a time: write seconds, or for example 1h30m", text)
			}
			rest = rest[1:]
		}
		if n > uint64((maxLifetime-total)/unit) {
			return 0, fmt.Errorf("%q is too long", text)
		}
		total += time.Duration(n) * unit
	}
	return total, nil
}
