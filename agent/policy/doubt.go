package policy

import "fmt"

// doubt is a rule that asks or refuses and may match: the facts are too uncertain
// to tell. It counts as a match.
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

// remedies say how the person can remove the uncertainty, by its cause.
var remedies = map[string]string{
	causeNameless:   "if you know the host, add its key to ~/.ssh/known_hosts: ssh offers to at the first login",
	causeHashed:     "add the host's unhashed name to ~/.ssh/known_hosts (ssh-keygen -F NAME finds its line)",
	causePattern:    "add a line with only the host's name and key to ~/.ssh/known_hosts",
	causeCut:        "make known_hosts shorter than 64 MiB and readable",
	causeUnverified: "log in with a client that proves the host: OpenSSH 8.9 or later on every host in between, and a host key of a known type (ed25519)",
	causeProgram:    "start the program as your own user, outside containers",
}

const remedyRevoked = "do not log in there; if the key is good after all, remove that line from known_hosts"

// remedy also suggests a rule; only one above this rule would help.
func (d doubt) remedy(machine bool) string {
	first := remedies[d.cause]
	switch {
	case machine:
		return first + "; only the machine's owner can change the rule"
	case d.cause == causePurpose:
		return `put a rule above it that names the purpose as the log does ("unknown", "challenge"), with action = "ask"`
	}
	return first + `; or put a rule above it that certainly applies, with action = "ask"`
}
