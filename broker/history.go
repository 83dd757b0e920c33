package broker

import (
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// before says in the prompt what was before a use: "first time with this key",
// "last used here 3 days ago", and which grants are in force. use may be nil.
func (b *Broker) before(use *keys.Use) string {
	if use == nil {
		return ""
	}
	past, text := b.history.Of(use), ""
	switch now := time.Now(); {
	case !past.Known:
	case past.Key.IsZero():
		text = "first time with this key"
	case past.Place && past.Here.IsZero():
		text = "first time here; this key was last used " + keys.Ago(now, past.Key)
	case past.Place:
		text = "last used here " + keys.Ago(now, past.Here)
	default:
		text = "this key was last used " + keys.Ago(now, past.Key)
	}
	grants := 0
	for _, grant := range b.Grants() {
		if grant.Fingerprint == use.Key.Fingerprint {
			grants++
		}
	}
	if grants > 0 {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("grants in force: %d", grants)
	}
	return text
}
