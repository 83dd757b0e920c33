// Package clientconfig puts one key in another's place in this machine's ssh_config and
// git configuration. It changes only what belongs to one host, or to git's user, alone;
// whatever else names the key it explains and leaves.
package clientconfig

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
)

// ErrUnused means that the configuration does not name the old key for the host.
var ErrUnused = errors.New("the configuration does not name the key")

// Edit is a line of a file that changes.
type Edit struct {
	Line     int // from 1
	Old, New string
}

// SSH returns the text of an ssh_config in which the blocks of host alone name newFile
// where they named the old key. isOld tells whether a value of IdentityFile is the old key.
//
// It returns ErrUnused when no line that can apply to the host names the old key, and an
// error with a remedy when only lines do that other hosts share.
func SSH(config, host, newFile string, isOld func(value string) bool) (string, []Edit, error) {
	var out strings.Builder
	var edits []Edit
	var shared []string
	block := block{}
	number := 0
	for raw := range strings.Lines(config) {
		number++
		keyword, args := fields(raw)
		switch keyword {
		case "host", "match":
			block = newBlock(keyword, args, number)
		case "identityfile":
			if len(args) == 1 && isOld(args[0]) && block.mayApply(host) {
				if block.belongsTo(host) {
					changed := replaceValue(raw, newFile)
					edits = append(edits, Edit{number, strings.TrimSpace(raw), strings.TrimSpace(changed)})
					raw = changed
				} else {
					shared = append(shared, fmt.Sprintf("line %d, in %s", number, block))
				}
			}
		}
		out.WriteString(raw)
	}
	if len(edits) > 0 {
		return out.String(), edits, nil
	}
	if len(shared) > 0 {
		return "", nil, problem.With(fmt.Errorf("ssh_config names the key where other hosts can share the line: %s", strings.Join(shared, "; ")),
			"change that by hand, or give the host a block of its own: Host %s, IdentityFile %s", host, newFile)
	}
	return "", nil, ErrUnused
}

// Includes reports whether the configuration reads other files.
func Includes(config string) bool {
	for raw := range strings.Lines(config) {
		if keyword, _ := fields(raw); keyword == "include" {
			return true
		}
	}
	return false
}

// block is the lines from a Host or Match line to the next one.
type block struct {
	keyword  string // "": before the first
	patterns []string
	line     int
}

func newBlock(keyword string, args []string, line int) block { return block{keyword, args, line} }

func (b block) String() string {
	if b.keyword == "" {
		return "the part for all hosts"
	}
	return strings.ToUpper(b.keyword[:1]) + b.keyword[1:] + " " + strings.Join(b.patterns, " ")
}

// belongsTo is true for "Host web1" with that name and no other.
func (b block) belongsTo(host string) bool {
	return b.keyword == "host" && len(b.patterns) == 1 && b.patterns[0] == host && !strings.ContainsAny(host, "*?!")
}

// mayApply is false only where the block cannot apply. What a Match block asks is not
// looked at.
func (b block) mayApply(host string) bool {
	if b.keyword != "host" {
		return true
	}
	no := func(pattern string) bool { return strings.HasPrefix(pattern, "!") && matches(pattern[1:], host) }
	yes := func(pattern string) bool { return !strings.HasPrefix(pattern, "!") && matches(pattern, host) }
	return slices.ContainsFunc(b.patterns, yes) && !slices.ContainsFunc(b.patterns, no)
}

// matches compares with * and ?, as ssh does.
func matches(pattern, text string) bool {
	return keys.NewPattern(pattern, keys.SingleBytes).Match(text)
}
