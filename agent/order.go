package agent

import (
	"slices"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
)

// ordered puts first what worked at the host that proved its key, the last one used before
// the others, then what a rule names for it. A client offers the keys in the
// order of the list, and a server hangs up after some that it does not know
// (sshd_config(5), MaxAuthTries). For an unknown host nothing changes.
func (s *session) ordered(list []keys.Info, use *keys.Use, fitting policy.Fitting) []keys.Info {
	if !use.Destination.Trust.Proved() {
		return list
	}
	worked := map[audit.LoginKey]int{}
	if s.server.Logins != nil {
		for i, key := range s.server.Logins.At(s.ctx, use.Destination.Host.Fingerprint) {
			worked[key] = i
		}
	}
	places := make([][]keys.Info, len(worked)+2) // what worked, what is named, the rest
	for _, info := range list {
		_, certificate := publickey.CertificateOf(info.PublicKey)
		place, ok := worked[audit.LoginKey{Fingerprint: info.Fingerprint, Certificate: certificate}]
		switch {
		case ok:
		case fitting.Names(&info):
			place = len(worked)
		default:
			place = len(worked) + 1
		}
		places[place] = append(places[place], info)
	}
	return slices.Concat(places...)
}
