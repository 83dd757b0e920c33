package broker

import (
	"crypto/fips140"
	"fmt"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/confine"
	"github.com/keybroker/keybroker/platform/secret"
)

// protection names what is in force around this process and the window, for status and doctor.
func protection(h platform.Hardening) []string {
	now := confine.Now()
	in := []string{}
	for _, p := range []struct {
		name string
		on   bool
	}{
		{"memory hidden from other programs", h.NoDump},
		{"no core files", h.NoCore},
		{"memory locked", h.Locked},
		{"secrets erased from memory", secret.Erases()},
		{"no new privileges", now.NoNewPrivileges},
		{"system calls filtered", now.Seccomp},
		{"FIPS 140-3 mode (Go's module " + fips140.Version() + ")", fips140.Enabled()},
		{fmt.Sprintf("window confined (Landlock %d)", now.Landlock), now.Landlock > 0 && now.Seccomp},
	} {
		if p.on {
			in = append(in, p.name)
		}
	}
	return in
}
