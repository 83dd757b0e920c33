package broker

import (
	"crypto/fips140"
	"fmt"
	"runtime"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/confine"
	"github.com/keybroker/keybroker/platform/secret"
)

// unconfinedDesktop says why the window and the tray keep rights that they do not need, or nothing.
// Where the system can take them, one that did not lose them shows nothing.
func unconfinedDesktop(now confine.Status) string {
	switch {
	case runtime.GOOS != "linux" || now.Landlock > 0 && now.Seccomp:
		return ""
	case now.Landlock > 0:
		return "the window that asks and the tray are confined in part: this system has no seccomp"
	}
	return "the window that asks and the tray are not confined: this kernel has no Landlock"
}

// protection names what is in force around this process, the window and the tray, for status and doctor.
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
		{fmt.Sprintf("window and tray confined (Landlock %d)", now.Landlock), now.Landlock > 0 && now.Seccomp},
	} {
		if p.on {
			in = append(in, p.name)
		}
	}
	return in
}
