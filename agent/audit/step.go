package audit

import (
	"fmt"
	"regexp"
	"sync"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
)

// Step is one step in the life of a key on a host, as the command that took it tells it:
// provisioned, quarantined, refused by the server afterwards. The broker knows nothing of
// it but the words, so a record with a Step is a note, and has no Purpose and no
// Destination.
type Step struct {
	Plan        string `json:"plan"`                  // identifier of the plan: "r-17"
	Step        string `json:"step"`                  // identifier of the step within the plan: "3"
	Kind        string `json:"kind"`                  // what is done, a word: "quarantine"
	Fingerprint string `json:"fingerprint,omitempty"` // SHA256:… of the key
	Host        string `json:"host,omitempty"`        // name, or fingerprint of the host key
	Account     string `json:"account,omitempty"`     // on the host
	State       string `json:"state"`                 // how it stands, a word: "done"
	Detail      string `json:"detail,omitempty"`      // for people
}

var (
	stepName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`) })
	stepWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z-]{0,31}$`) })
)

// Check returns what is wrong with the step, or nil. Plan, Step, Kind and State are plain
// words, so that no step reads like another record.
func (s Step) Check() error {
	for _, field := range []struct {
		name, value string
		form        *regexp.Regexp
	}{{"plan", s.Plan, stepName()}, {"step", s.Step, stepName()}, {"kind", s.Kind, stepWord()}, {"state", s.State, stepWord()}} {
		if !field.form.MatchString(field.value) {
			return problem.With(fmt.Errorf("the %s of a lifecycle step cannot be %.64q", field.name, field.value), "update the program that records it")
		}
	}
	if s.Fingerprint != "" && !keys.IsFingerprint(s.Fingerprint) {
		return problem.With(fmt.Errorf("%.64q is not the fingerprint of a key", s.Fingerprint), "update the program that records it")
	}
	return nil
}

// Clipped returns the step with its free texts cut to the limits of a record.
func (s Step) Clipped() Step {
	s.Host, s.Account, s.Detail = clip(s.Host, MaxText), clip(s.Account, MaxText), clip(s.Detail, MaxReason)
	return s
}

// Where is the place that the step names, for people: "deploy@web9". Escape it.
func (s Step) Where() string {
	if s.Account == "" {
		return s.Host
	}
	return s.Account + "@" + s.Host
}
