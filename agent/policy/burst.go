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

// A burst is the signatures that one git command may make after one question: a
// rebase signs each commit again. A longer rebase needs a second question.
const (
	MaxBurst  = 100 // signatures, including the one that was asked about
	BurstTime = 10 * time.Minute

	burstNamespace = "git"
	burstProgram   = "git"
)

// shells may stand between a git command and the commands that it runs (rebase
// --exec, aliases, hooks). Any other program in between ends the search: git may
// have opened an editor, and the editor a terminal.
var shells = []string{"sh", "dash", "bash", "zsh", "ksh", "fish", "busybox"}

// Burst is the command that a grant is bound to, and how many signatures it has left.
type Burst struct {
	Command string `json:"command"` // "git rebase", escaped
	PID     int    `json:"pid"`
	Start   uint64 `json:"start"` // with PID, identifies the process
	Left    int    `json:"left"`  // remaining signatures
}

// OfferBurst returns the burst that the person may be offered for u after
// decision d, and how long it may last. There is none for a use that may not be
// remembered.
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

// gitCommand returns the outermost git above the request: the person typed that
// one, and it ends when everything is done.
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

// subcommand returns "git rebase". The further arguments may be private.
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

// burstScopes returns the scopes of the commands above u that a grant may be bound to.
func burstScopes(u *keys.Use) []scope {
	var list []scope
	for _, p := range u.Peer.Parents {
		if p.Name == burstProgram {
			s := scopeOf(u)
			s.burstPID, s.burstStart = p.PID, p.Start
			list = append(list, s)
		}
	}
	return list
}
