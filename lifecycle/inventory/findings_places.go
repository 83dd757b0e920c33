package inventory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys/ascii"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
)

// restrictions are rows 7 and 8: from where a key may come, and what it may run.
func (j *judge) restrictions(place lifecycle.Place) {
	f := ofPlace("no-from", 7, lifecycle.Info, place)
	options := optionsOf(place)
	if _, limited := options["from"]; !limited {
		f.What = fmt.Sprintf("line %d lets the key in from every address", place.Line)
		if place.Account == "root" {
			f.Severity, f.What = lifecycle.Warning, fmt.Sprintf("line %d lets the key in as root from every address", place.Line)
		}
		f.Remedy = j.anew(place, "--from ADDRESSES")
		if seen := j.addresses(place); len(seen) > 0 {
			f.What += " (only " + joinNames(seen) + " was ever seen)"
			f.Remedy = j.anew(place, "--from "+strings.Join(seen, ","))
		}
		j.add(f)
	}
	command, forced := options["command"]
	switch {
	case forced && isShell(command):
		f := ofPlace("command-is-shell", 8, lifecycle.Warning, place)
		f.What = fmt.Sprintf("line %d: command=%q runs whatever the client asks for, so it restricts nothing", place.Line, command)
		f.Remedy = j.anew(place, "--command COMMAND")
		j.add(f)
	case !forced && j.automated(place.Fingerprint):
		f := ofPlace("automation-unrestricted", 8, lifecycle.Warning, place)
		f.What = fmt.Sprintf("line %d gives a key for automation a whole shell", place.Line)
		f.Remedy = j.anew(place, "--command COMMAND")
		j.add(f)
	}
}

// anew is the command that gives a key another line: sshd takes the first one that fits,
// so the one that is there goes first.
func (j *judge) anew(place lifecycle.Place, with string) string {
	what := j.word(place.Fingerprint) + " " + doorOf(place)
	return "keybroker terminate " + what + " && keybroker provision " + what + " " + with
}

// doorOf is ACCOUNT@HOST in a command.
func doorOf(place lifecycle.Place) string {
	return platform.ShellWord(target(place.Account, cmp.Or(place.Host.Name, "localhost"), place.Host.Port))
}

func ofPlace(kind string, row int, severity lifecycle.Severity, place lifecycle.Place) lifecycle.Finding {
	return lifecycle.Finding{Kind: kind, Row: row, Severity: severity, Fingerprint: place.Fingerprint, Host: place.Host, Account: place.Account, Path: place.File}
}

// optionsOf are the options of a line by name, in lower case, with their values unquoted.
func optionsOf(place lifecycle.Place) map[string]string {
	options := map[string]string{}
	for _, option := range place.Options {
		name, value, _ := strings.Cut(option, "=")
		value = strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`)
		options[ascii.Lower(name)] = strings.ReplaceAll(value, `\"`, `"`)
	}
	return options
}

// shells run what they are told.
var shells = []string{"sh", "bash", "dash", "zsh", "ksh", "fish", "csh", "tcsh", "ash"}

// isShell reports whether a forced command leaves the choice to the client.
func isShell(command string) bool {
	words := strings.Fields(command)
	if len(words) == 0 {
		return false
	}
	if strings.Trim(words[len(words)-1], `"'`) == "$SSH_ORIGINAL_COMMAND" && (len(words) == 1 || words[0] == "eval" || words[0] == "exec" || slices.Contains(words, "-c")) {
		return true
	}
	name := words[0][strings.LastIndexByte(words[0], '/')+1:]
	return slices.Contains(shells, name) && (len(words) == 1 || len(words) == 2 && strings.HasPrefix(words[1], "-") && !strings.Contains(words[1], "c"))
}

// automated reports whether the owner says that programs use the key alone.
func (j *judge) automated(fingerprint string) bool {
	purpose := strings.ToLower(j.claimed[fingerprint].Purpose)
	return strings.Contains(purpose, "automation") || strings.Contains(purpose, "automated")
}

// addresses are those from which the key was seen to log in there, if there are few.
func (j *judge) addresses(place lifecycle.Place) []string {
	const few = 3
	seen := map[string]bool{}
	for _, s := range j.sightings[place.Fingerprint] {
		if s.From != "" && s.Account == place.Account && s.Host.Same(place.Host) {
			seen[s.From] = true
		}
	}
	if len(seen) > few {
		return nil
	}
	return slices.Sorted(maps.Keys(seen))
}

// use is row 13: a door that nobody goes through.
func (j *judge) use(place lifecycle.Place) {
	last := j.uses.Last(place).Last
	watched := j.uses.WatchedFor(place, last)
	if watched < j.Unused || j.Now.Sub(last) < j.Unused {
		return
	}
	f := ofPlace("unused", 13, lifecycle.Warning, place)
	f.What = fmt.Sprintf("line %d: no use in %s of watching", place.Line, days(watched))
	if !last.IsZero() {
		f.What = fmt.Sprintf("line %d: last used on %s, and watched for %s since", place.Line, date(last), days(watched))
	}
	f.Remedy = "keybroker terminate " + j.word(place.Fingerprint) + " " + doorOf(place)
	j.add(f)
}

// age is row 12. No server stores when a line was written; the file's time is a bound.
func (j *judge) age(place lifecycle.Place) {
	begun, how := place.FirstSeen, "first seen on "
	if begun.IsZero() || !place.FileTime.IsZero() && place.FileTime.Before(begun) {
		begun, how = place.FileTime, "the file was last changed on "
	}
	if begun.IsZero() || j.Now.Sub(begun) < j.MaxAge {
		return
	}
	f := ofPlace("old-authorisation", 12, lifecycle.Info, place)
	f.What = fmt.Sprintf("line %d is older than %d days: %s%s", place.Line, int(j.MaxAge.Hours()/24), how, date(begun))
	f.Remedy = "keybroker rotate " + j.word(place.Fingerprint) + " --to OTHER"
	j.add(f)
}
