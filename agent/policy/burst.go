package policy

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// A burst is what one git command may sign after one question: a rebase signs
// each commit anew. Whoever rebases more is asked a second time.
const (
	MaxBurst  = 100 // signatures, with the one that was asked about
	BurstTime = 10 * time.Minute

	burstNamespace = "git"
	burstProgram   = "git"
)

// shells may stand between a git command and those that it runs (rebase --exec,
// aliases, hooks). Anything else in between ends the search: a terminal that was
// opened from an editor that git has opened is another matter.
var shells = []string{"sh", "dash", "bash", "zsh", "ksh", "fish", "busybox"}

// Burst is a command that a grant is bound to, and how far that goes.
type Burst struct {
	Command string `json:"command"` // "git rebase", escaped
	PID     int    `json:"pid"`
	Start   uint64 `json:"start"` // with PID tells the process from a later one
	Left    int    `json:"left"`  // signatures
}

// OfferBurst returns the burst that the person may be offered for u after
// decision d, and for how long. It is there only for what may be remembered at all.
func OfferBurst(u *keys.Use, d Decision) (Burst, time.Duration, bool) {
	remember := Offer(u, d)
	if remember == 0 || u.Destination.Forwarded || u.Purpose.Kind != wire.KindSSHSig || u.Purpose.Namespace != burstNamespace {
		return Burst{}, 0, false
	}
	command, ok := gitCommand(u.Peer.Parents)
	if !ok {
		return Burst{}, 0, false
	}
	burst := Burst{Command: subcommand(command), PID: command.PID, Start: command.Start, Left: MaxBurst}
	return burst, min(remember, BurstTime), true
}

// gitCommand is the outermost git that led to the request: the one that the
// person has typed, and that ends when all is done.
func gitCommand(parents []platform.Process) (outermost platform.Process, found bool) {
	for _, p := range parents {
		switch {
		case p.Name == burstProgram && p.PID != 0 && p.Start != 0:
			outermost, found = p, true
		case !slices.Contains(shells, p.Name):
			return outermost, found
		}
	}
	return outermost, found
}

// subcommand is "git rebase": further arguments may hold what is nobody's business.
func subcommand(p platform.Process) string {
	words := []string{p.Name}
	if len(p.Args) > 0 {
		words[0] = filepath.Base(p.Args[0])
		for _, arg := range p.Args[1:] {
			if !strings.HasPrefix(arg, "-") {
				words = append(words, arg)
				break
			}
		}
	}
	return platform.Escape(strings.Join(words, " "), MaxName/4)
}

// burstScopes are the scopes under which a grant for a command may cover u.
func burstScopes(u *keys.Use) []scope {
	var list []scope
	for _, p := range u.Peer.Parents {
		if p.Name == burstProgram {
			s := scopeOf(u)
			s.tree, s.start = p.PID, p.Start
			list = append(list, s)
		}
	}
	return list
}
