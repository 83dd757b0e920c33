package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

// A connection that was just closed belongs to no program any more. So a program is called
// hidden when several looks find none.
const (
	maxLooks  = 4
	lookPause = 100 * time.Millisecond
)

// cardPrograms are the usual other users of a card, by the names of their processes, and how they let
// go of it.
var cardPrograms = []struct{ process, name, remedy string }{
	{"scdaemon", "gpg's scdaemon", `gpgconf --kill scdaemon; so that it shares from now on: echo pcsc-shared >>~/.gnupg/scdaemon.conf`},
	{"gsd-smartcard", "GNOME's gsd-smartcard", "systemctl --user mask --now org.gnome.SettingsDaemon.Smartcard.service"},
	{"yubikey-agent", "yubikey-agent", "killall -HUP yubikey-agent"},
	{"pivy-agent", "pivy-agent", "ssh-add -D there, or end it"},
	{"firefox", "Firefox", "close it, or take the module out of Settings, Security Devices"},
	{"firefox-esr", "Firefox", "close it, or take the module out of Settings, Security Devices"},
	{"chrome", "Chrome", "close it"},
	{"chromium", "Chromium", "close it"},
}

// checkCards asks the smartcard service for its readers, and names the programs that use
// them. It touches no card. brokerPID is the broker's, which is none of the others.
func (p *Patient) checkCards(brokerPID int) []Check {
	const name = "smartcards"
	if !p.Config.PIV.Enabled {
		return []Check{fine(name, "not used: [piv] enabled = false")}
	}
	readers, err := piv.Look()
	switch {
	case errors.Is(err, piv.ErrNotCompiledIn), errors.Is(err, piv.ErrNoLibrary), errors.Is(err, piv.ErrNoService):
		return []Check{noted(name, "no cards: "+meaningOf(err), piv.Remedy(err))}
	case err != nil:
		return []Check{broken(name, meaningOf(err), piv.Remedy(err))}
	}
	others := otherCardPrograms(brokerPID)
	if len(readers) == 0 {
		return []Check{noReader(name, others)}
	}
	checks := make([]Check, 0, len(readers))
	for _, reader := range readers {
		checks = append(checks, checkReader(name, reader, others))
	}
	return checks
}

// meaningOf leaves the code of PC/SC out.
func meaningOf(err error) string {
	for _, known := range []error{piv.ErrNotCompiledIn, piv.ErrNoLibrary, piv.ErrNoService, piv.ErrDenied, piv.ErrNoAnswer} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return platform.Plain(err)
}

type cardProgram struct {
	platform.Process
	name, remedy string
}

// otherCardPrograms are this user's programs that are connected to the smartcard service, without
// the broker and this command.
func otherCardPrograms(brokerPID int) (list []cardProgram) {
	clients, hidden := platform.Clients(piv.ServiceSocket())
	for looks := 1; hidden > 0 && looks < maxLooks; looks++ {
		time.Sleep(lookPause)
		clients, hidden = platform.Clients(piv.ServiceSocket())
	}
	for _, process := range clients {
		if process.PID != brokerPID && process.PID != platform.Self().PID {
			list = append(list, cardProgramOf(process))
		}
	}
	if hidden > 0 {
		list = append(list, cardProgram{name: "a program of another user, or one that hides"})
	}
	return list
}

func cardProgramOf(p platform.Process) cardProgram {
	for _, k := range cardPrograms {
		if p.Name == k.process {
			return cardProgram{p, fmt.Sprintf("%s (process %d)", k.name, p.PID), k.remedy}
		}
	}
	return cardProgram{p, fmt.Sprintf("%s (process %d)", platform.Escape(p.Name, maxText), p.PID), fmt.Sprintf("end it: kill %d", p.PID)}
}

// noReader says that a scdaemon without pcscd has the reader for itself, if one runs.
func noReader(name string, others []cardProgram) Check {
	for _, process := range platform.Mine() {
		if process.Name == "scdaemon" && !uses(others, process.PID) {
			return noted(name, "there is no reader; gpg's scdaemon may hold it, past the smartcard service",
				"echo disable-ccid >>~/.gnupg/scdaemon.conf && gpgconf --kill scdaemon")
		}
	}
	return fine(name, "the service runs; there is no reader")
}

func uses(programs []cardProgram, pid int) bool {
	for _, p := range programs {
		if p.PID == pid {
			return true
		}
	}
	return false
}

func checkReader(name string, reader piv.ReaderUse, others []cardProgram) Check {
	var who, how []string
	for _, other := range others {
		who = append(who, other.name)
		if other.remedy != "" {
			how = append(how, other.remedy)
		}
	}
	text := platform.Escape(reader.Reader, maxText)
	programs := platform.Escape(cmp.Or(strings.Join(who, ", "), "another program"), maxAgents)
	switch {
	case reader.Exclusive:
		return broken(name, text+": one program keeps all others from the card: "+programs, strings.Join(how, "; or "))
	case !reader.Card:
		return fine(name, text+": no card")
	case reader.InUse && len(who) > 0:
		return noted(name, text+": a card; it is also used by "+programs, "nothing to do while the broker can use it; to free it: "+cmp.Or(strings.Join(how, "; or "), "end that program"))
	}
	return fine(name, text+": a card")
}
