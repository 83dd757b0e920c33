package authorized

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/keys/ascii"
)

// Version is the OpenSSH version of a server. The zero Version is another server's,
// of which nothing is known.
type Version struct{ Major, Minor int }

var openSSH = regexp.MustCompile(`OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)`)

// ParseVersion reads the identification of a server: "SSH-2.0-OpenSSH_9.2p1 Debian-2".
func ParseVersion(identification string) Version {
	match := openSSH.FindStringSubmatch(identification)
	if match == nil {
		return Version{}
	}
	major, _ := strconv.Atoi(match[1])
	minor, _ := strconv.Atoi(match[2])
	return Version{major, minor}
}

// Known reports whether it is a version of OpenSSH.
func (v Version) Known() bool { return v != Version{} }

// AtLeast compares versions.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

func (v Version) String() string { return fmt.Sprintf("OpenSSH %d.%d", v.Major, v.Minor) }

// since is the version that learned an option or a type of key (release notes of
// OpenSSH). What is not here is older than 6.5.
var since = map[string]Version{
	"restrict":                           {7, 2},
	"pty":                                {7, 2}, // and the other switches without "no-"
	"port-forwarding":                    {7, 2},
	"agent-forwarding":                   {7, 2},
	"x11-forwarding":                     {7, 2},
	"user-rc":                            {7, 2},
	"expiry-time":                        {7, 7},
	"permitlisten":                       {7, 8},
	"touch-required":                     {8, 2},
	"no-touch-required":                  {8, 2},
	"verify-required":                    {8, 4},
	"no-verify-required":                 {8, 4},
	"ssh-ed25519":                        {6, 5},
	"sk-ssh-ed25519@openssh.com":         {8, 2},
	"sk-ecdsa-sha2-nistp256@openssh.com": {8, 2},
}

// zoneSince is when expiry-time learned the Z for UTC.
var zoneSince = Version{9, 1}

// TooOld says what of the line the server does not know yet, each with the version that
// it needs: it would refuse the whole line. A server that is not OpenSSH is not judged.
func (v Version) TooOld(line Line) []string {
	if !v.Known() {
		return nil
	}
	var missing []string
	need := func(what string, version Version) {
		if !v.AtLeast(version.Major, version.Minor) {
			missing = append(missing, fmt.Sprintf("%s (%v)", what, version))
		}
	}
	need(line.Type, since[line.Type])
	for _, option := range line.Options {
		name, value, _ := strings.Cut(ascii.Lower(option), "=")
		need(name, since[name])
		if name == "expiry-time" && strings.HasSuffix(value, `z"`) {
			need("expiry-time in UTC", zoneSince)
		}
	}
	return missing
}
