// Package conformance checks an ssh-agent of any make against RFC 9987, OpenSSH's
// PROTOCOL.agent and what OpenSSH's own agent does.
//
// It is a client only, and builds its messages byte by byte: it shares no parser with
// keybroker's agent, so that both cannot be wrong in the same way.
package conformance

import "time"

// Level says how binding a rule is.
type Level string

// The levels.
const (
	Must    Level = "MUST"    // RFC 9987 demands it, in capitals or by the format of a message
	Should  Level = "SHOULD"  // RFC 9987 recommends it
	OpenSSH Level = "OpenSSH" // PROTOCOL.agent, or what clients of OpenSSH's agent are used to
	Advice  Level = "advice"  // in no specification: what a careful agent does
)

// Status is what became of a rule.
type Status string

// The results of a rule.
const (
	Pass     Status = "pass"
	Fail     Status = "fail"
	Skip     Status = "skip"     // it could not be tried: Detail says why
	Declined Status = "declined" // it failed, and the profile says that the agent chooses so
)

// Effect is what a rule does to the agent.
type Effect int

// The effects, in rising order.
const (
	Reads    Effect = iota // changes nothing
	Adds                   // adds keys of its own, and removes them again
	Destroys               // may remove other keys, lock the agent or exhaust it
)

// Rule is one thing that an agent does or does not.
type Rule struct {
	Name    string // stable: profiles and reports name it
	Section string // where it is written
	Level   Level
	Effect  Effect
	Says    string // what a conforming agent does, in one sentence
	Check   func(*T)
}

// Exchange is one message to the agent and what came back.
type Exchange struct {
	Sent     string `json:"sent"`     // hex, without the length in front, secrets cut out
	Received string `json:"received"` // likewise; or what happened instead
}

// Result is a rule that was tried.
type Result struct {
	Rule      string        `json:"rule"`
	Section   string        `json:"section"`
	Level     Level         `json:"level"`
	Says      string        `json:"says"`
	Status    Status        `json:"status"`
	Detail    string        `json:"detail,omitempty"` // why it failed, was skipped or declined
	Exchanges []Exchange    `json:"exchanges,omitempty"`
	Took      time.Duration `json:"took_ns"`
}

// Rules returns all rules, in the order in which they are tried.
func Rules() []Rule {
	var all []Rule
	for _, group := range [][]Rule{frameRules, requestRules, listRules, addRules, constraintRules, removeRules, signRules, extensionRules, bindRules,
		destinationRules, certificateRules, deviceRules, lockRules, hostileRules, walkRules} {
		all = append(all, group...)
	}
	return all
}
