package doctor

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
)

// maxShownKeys bounds the keys for which the rules are tried.
const maxShownKeys = 20

// login says what the rules would do to a login with each key that ssh would offer.
func (s sshCheck) login(ctx context.Context) []Check {
	if !s.known { // "broker" says why
		return nil
	}
	host, known := s.hostName(), s.isKnown(ctx)
	text := fmt.Sprintf("a login as %s; known_hosts has %s", s.c.target(), platform.Escape(host, maxText))
	if !known {
		text = fmt.Sprintf("a login as %s; known_hosts does not have %s, so no rule with host applies", s.c.target(), platform.Escape(host, maxText))
	}
	checks := []Check{fine(s.name, text)}
	offered := s.offered()
	if len(offered) == 0 && !s.c.on("identitiesonly") {
		return append(checks, broken(s.name, "the broker has no key to offer", "keybroker keys generate NAME, or put the card in"))
	}
	refused := 0
	for _, key := range offered[:min(len(offered), maxShownKeys)] {
		check := s.decision(key, host, known)
		if check.Result == note {
			refused++
		}
		checks = append(checks, check)
	}
	if refused > 0 && refused == len(offered) {
		checks = append(checks, broken(s.name, "each key would be refused", "see the rules: keybroker policy show"))
	}
	return checks
}

// offered are the broker's keys that ssh would offer.
func (s sshCheck) offered() (list []control.Key) {
	if !s.c.on("identitiesonly") {
		return s.keys
	}
	for _, file := range append(append([]string{}, s.c["identityfile"]...), s.c["certificatefile"]...) {
		public, err := publicHalf(tilde(file))
		if err != nil {
			continue
		}
		for _, key := range s.keys {
			if key.Fingerprint == ssh.FingerprintSHA256(public) {
				list = append(list, key)
			}
		}
	}
	return list
}

// decision is that of the rules in the file, for ssh.
func (s sshCheck) decision(key control.Key, host string, known bool) Check {
	name := platform.Escape(cmp.Or(key.Name, key.Comment, key.Fingerprint), maxText)
	program, _ := exec.LookPath("ssh")
	trial := policy.Trial{Key: cmp.Or(key.Name, key.Fingerprint), User: s.c.get("user"), Program: program, Purpose: "login", Confirm: key.Confirm}
	if trial.Host = host; !known {
		trial.Host, trial.NewHost = "", true
	}
	use, err := trial.Use(nil, time.Now())
	if err != nil {
		return failed(s.name, err)
	}
	use.Key.Fingerprint = key.Fingerprint
	if key.State != "" {
		name += " (" + platform.Escape(key.State, maxText) + ")"
	}
	d := s.Config.PolicyRules().Decide(use)
	switch d.Action {
	case policy.Refuse:
		return noted(s.name, fmt.Sprintf("key %s would be refused: %s", name, platform.Escape(d.Why, 2*maxText)), d.Remedy)
	case policy.Allow:
		return fine(s.name, fmt.Sprintf("key %s would be used unasked: %s", name, platform.Escape(d.Why, 2*maxText)))
	}
	return fine(s.name, fmt.Sprintf("key %s: you would be asked: %s", name, platform.Escape(d.Why, 2*maxText)))
}
