package config

import "errors"

// Session is [session]: what the broker drops when the person goes away.
type Session struct {
	Lock    []string `toml:"lock"`    // the screen was locked
	Suspend []string `toml:"suspend"` // the machine sleeps
	End     []string `toml:"end"`     // the session on the desktop ended
}

// What [session] may name.
const (
	DropSecrets = "secrets" // opened keys and card PINs
	DropGrants  = "grants"
)

func defaultSession() Session {
	all := []string{DropSecrets, DropGrants}
	return Session{Lock: all, Suspend: all, End: all}
}

func (s Session) check(file string, data []byte) error {
	return errors.Join(
		eachOneOf(file, data, "session.lock", s.Lock, DropSecrets, DropGrants),
		eachOneOf(file, data, "session.suspend", s.Suspend, DropSecrets, DropGrants),
		eachOneOf(file, data, "session.end", s.End, DropSecrets, DropGrants),
	)
}
