package conformance

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/keybroker/keybroker/problem"
)

// Profile says which rules an agent chooses not to keep, and why.
type Profile []Decline

// Decline is one line of a profile.
type Decline struct {
	Pattern string // a rule's name, or a pattern as of path.Match
	Why     string
}

// ReadProfile reads lines "RULE: reason". Empty lines, and those that begin with #, do
// not count. A MUST cannot be declined.
func ReadProfile(r io.Reader, rules []Rule) (Profile, error) {
	var profile Profile
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, why, _ := strings.Cut(line, ":")
		decline := Decline{strings.TrimSpace(name), strings.TrimSpace(why)}
		if err := decline.check(rules); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		profile = append(profile, decline)
	}
	return profile, lines.Err()
}

func (d Decline) check(rules []Rule) error {
	if d.Why == "" {
		return problem.New(fmt.Sprintf("%.64q has no reason", d.Pattern), "write RULE: why the agent does not do it")
	}
	found := false
	for _, rule := range rules {
		if !d.matches(rule) {
			continue
		}
		found = true
		if rule.Level == Must {
			return problem.New(fmt.Sprintf("%s is a MUST, which an agent cannot decline", rule.Name), "see the levels: agentconform --list")
		}
	}
	if !found {
		return problem.New(fmt.Sprintf("there is no rule %.64q", d.Pattern), "see the rules: agentconform --list")
	}
	return nil
}

func (d Decline) matches(rule Rule) bool {
	ok, err := path.Match(d.Pattern, rule.Name)
	return ok && err == nil
}

// Declines returns whether the profile declines a rule, and why.
func (p Profile) Declines(rule Rule) (why string, declined bool) {
	for _, decline := range p {
		if decline.matches(rule) {
			return decline.Why, true
		}
	}
	return "", false
}
