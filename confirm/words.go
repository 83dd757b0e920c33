package confirm

import (
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// InWords writes 15m0s as "15 minutes".
func InWords(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / unit.size; n > 0 && d%unit.size == 0 {
			if n > 1 {
				unit.name += "s"
			}
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return d.String()
}

// Grant says what "allow for a while" covers: exactly what policy.Grants compares.
func (w Wording) Grant(use *keys.Use) string {
	if use == nil {
		return ""
	}
	text := w.whatLine(use).Text
	if use.Purpose.Kind == wire.KindLogin && use.Destination.Trust.Proved() {
		text += " on this host"
	}
	text += ", with this key, for " + quote(use.Peer.Executable, w.long)
	if use.Peer.Container {
		text += " in this container"
	}
	if use.Socket != "" {
		text += " through this socket"
	}
	if use.Destination.Forwarded {
		text += ", through the same hosts"
	}
	return text + "; nothing else."
}
