package authorized

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys/ascii"
)

// flags are the options without a value. "no-" before one of switches turns it off.
var (
	flags    = []string{"restrict", "cert-authority"}
	switches = []string{"port-forwarding", "agent-forwarding", "x11-forwarding", "touch-required", "verify-required", "pty", "user-rc"}
)

// values are the options with a value, and what sshd asks of it; nil: anything.
var values = map[string]func(value string) bool{
	"command":     nil,
	"principals":  nil,
	"from":        isFrom,
	"expiry-time": func(value string) bool { _, err := expiry(value); return err == nil },
	"environment": isEnvironment,
	"permitopen":  func(value string) bool { return isPermit(value, false) },
	"permitlisten": func(value string) bool {
		return isPermit(value, true)
	},
	"tunnel": isTunnel,
}

// once are the options that sshd refuses a second time on a line.
var once = []string{"command", "from", "principals"}

// parseOptions splits the options of a line as they are written, and says why sshd
// refuses them; "": it does not. A line with one option that sshd does not know lets
// nobody in.
func parseOptions(text string) (options []string, problem string) {
	for text != "" {
		end := endOfOption(text)
		options = append(options, text[:end])
		if end == len(text) {
			break
		}
		if text = text[end+1:]; text == "" {
			problem = "a comma ends its options"
		}
	}
	seen := make(map[string]bool)
	for _, option := range options {
		name, _, _ := strings.Cut(option, "=")
		name = ascii.Lower(name)
		switch {
		case problem != "":
		case !isOption(option):
			problem = fmt.Sprintf("sshd does not take the option %.40q", option)
		case slices.Contains(once, name) && seen[name]:
			problem = fmt.Sprintf("the option %s is there twice", name)
		}
		seen[name] = true
	}
	return options, problem
}

// endOfOption is where the comma after the first option stands, or the text ends.
func endOfOption(text string) int {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '"':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			return i
		}
	}
	return len(text)
}

func isOption(option string) bool {
	written, quoted, hasValue := strings.Cut(option, "=")
	name := ascii.Lower(written)
	if !hasValue {
		return slices.Contains(flags, name) || slices.Contains(switches, strings.TrimPrefix(name, "no-"))
	}
	check, known := values[name]
	value, ok := Unquote(quoted)
	return known && ok && (check == nil || check(value))
}

// Unquote reads the value of an option, in which \" stands for a quote and a
// backslash is nothing special otherwise.
func Unquote(quoted string) (string, bool) {
	if len(quoted) < 2 || quoted[0] != '"' {
		return "", false
	}
	var value strings.Builder
	for i := 1; i < len(quoted); i++ {
		switch {
		case quoted[i] == '\\' && i+1 < len(quoted) && quoted[i+1] == '"':
			i++
			value.WriteByte('"')
		case quoted[i] == '"':
			return value.String(), i == len(quoted)-1
		default:
			value.WriteByte(quoted[i])
		}
	}
	return "", false
}

// Option returns the value of an option of the line. A flag has the value "".
func (l Line) Option(name string) (value string, found bool) {
	for _, option := range l.Options {
		written, quoted, _ := strings.Cut(option, "=")
		if ascii.EqualFold(written, name) {
			value, _ = Unquote(quoted)
			return value, true
		}
	}
	return "", false
}

// Expires is when sshd stops letting the key in; zero: never. A time without a zone
// is the server's own, which is read as UTC here.
func (l Line) Expires() time.Time {
	var first time.Time
	for _, option := range l.Options {
		written, quoted, _ := strings.Cut(option, "=")
		if !ascii.EqualFold(written, "expiry-time") {
			continue
		}
		value, _ := Unquote(quoted)
		if at, err := expiry(value); err == nil && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// expiry reads YYYYMMDD[HHMM[SS]][Z].
func expiry(value string) (time.Time, error) {
	digits := strings.TrimSuffix(strings.TrimSuffix(value, "Z"), "z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(layout) == len(digits) {
			return time.Parse(layout, digits)
		}
	}
	return time.Time{}, strconv.ErrSyntax
}

// isFrom checks a list of patterns and of addresses with a mask. sshd refuses the
// line for a mask that does not fit.
func isFrom(value string) bool {
	for one := range strings.SplitSeq(value, ",") {
		one = strings.TrimPrefix(one, "!")
		if one == "" {
			return false
		}
		if address, _, masked := strings.Cut(one, "/"); masked {
			prefix, err := netip.ParsePrefix(one)
			if _, e := netip.ParseAddr(address); e == nil && (err != nil || prefix.Masked().Addr() != prefix.Addr()) {
				return false
			}
		}
	}
	return true
}

var environmentName = regexp.MustCompile(`^[A-Za-z0-9_]+=`)

func isEnvironment(value string) bool { return environmentName.MatchString(value) }

// isPermit checks host:port, or a port alone where that is enough.
func isPermit(value string, portAlone bool) bool {
	at := strings.LastIndexByte(value, ':')
	if at < 0 && !portAlone || at == 0 && !portAlone {
		return false
	}
	port := value[at+1:]
	if port == "*" {
		return true
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && (number > 0 || portAlone)
}

func isTunnel(value string) bool {
	if ascii.EqualFold(value, "any") {
		return true
	}
	_, err := strconv.ParseUint(value, 10, 31)
	return err == nil
}
