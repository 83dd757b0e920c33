package policy

import "fmt"

// doubt is a rule that asks or refuses, if it matches; and whether it does
// cannot be told. It is taken for one that does.
type doubt struct {
	rule  *rule
	cause string
}

func (d doubt) why() string {
	return fmt.Sprintf("rule %q (%s) may apply: %s", d.rule.Name, d.rule.Action, d.cause)
}

func (d doubt) refuse(machine bool) Decision {
	return Decision{Action: Refuse, Rule: d.rule.Name, Why: d.why(), Remedy: d.remedy(machine)}
}

// remedies are what makes certain that a rule does not apply.
var remedies = map[string]string{
	causeNameless:   "if you know the host, give its key a name in ~/.ssh/known_hosts: ssh asks for it at the first login",
	causeHashed:     "add the host's name in plain to ~/.ssh/known_hosts (ssh-keygen -F NAME finds its line)",
	causePattern:    "give the host's key a line with its name alone in ~/.ssh/known_hosts",
	causeCut:        "make known_hosts shorter than 8 MiB and readable",
	causeUnverified: "log in with a client that proves the host: OpenSSH 8.9 or later on each host between, and a host key of a known kind (ed25519)",
	causeProgram:    "start the program where it can be seen, not as another user or in a container",
}

const remedyRevoked = "do not log in there; when the key is good, remove that line from known_hosts"

// remedy also names the rule that would help: only one above this one can.
func (d doubt) remedy(machine bool) string {
	first := remedies[d.cause]
	switch {
	case machine:
		return first + "; the rule is the machine owner's, and only they can change it"
	case d.cause == causePurpose:
		return `put a rule above it that names the purpose as the log does ("unknown", "challenge"), with action = "ask"`
	}
	return first + `; or put a rule above it that surely applies, with action = "ask"`
}
