package tray

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// How many entries each list of the menu has. Commands show the rest.
const (
	maxRecent  = 5
	maxGrants  = 10
	maxKeys    = 12
	maxWaiting = 4
	// maxText bounds one value in a line of the menu.
	maxText = 32
)

// state is what the icon shows.
type state string

const (
	notRunning state = "not running"
	waiting    state = "waiting for you"
	locked     state = "locked"
	paused     state = "paused"
	troubled   state = "problem"
	cardIn     state = "card in"
	idle       state = "ready"
)

// entry is one line of a list, with the id that a click on it is about.
type entry struct{ text, id string }

// view is everything that the icon and its menu show.
type view struct {
	state   state
	tooltip string
	head    string   // first line of the menu
	trouble []string // what does not work, with remedies
	waiting []entry  // id: of the request
	recent  []entry  // newest first
	grants  []entry  // id: of the grant
	keys    []entry  // id: the public key's line; permanent keys first
	more    string   // how many keys the menu has no room for
	locked  bool
	paused  bool
}

// broker is what the tray knows of the broker. The zero value: it is not running.
type broker struct {
	running bool
	event   control.Event
	recent  []audit.Record // oldest first
	keys    []control.Key
}

// apply adds one event.
func (b *broker) apply(event control.Event) {
	b.running, b.event = true, event
	for _, record := range event.Records {
		if record.Op == keys.OpSign || record.Op == keys.OpReload || record.Decision == audit.Refused {
			b.recent = append(b.recent, record)
		}
	}
	b.recent = b.recent[max(len(b.recent)-maxRecent, 0):]
}

// view decides what a tray of that version shows. The most urgent state wins.
func (b *broker) view(version string) view {
	if !b.running {
		return view{state: notRunning, tooltip: "keybroker is not running", head: "keybroker is not running. Start it: keybroker daemon"}
	}
	status := b.event.Status
	v := view{state: b.state(), locked: status.Locked, paused: status.Paused}
	v.head = fmt.Sprintf("keybroker: %s", v.state)
	v.tooltip = fmt.Sprintf("keybroker: %s. %s, %s", v.state, count(status.Keys, "key"), count(len(b.event.Grants), "grant"))
	if len(status.Cards) > 0 {
		v.tooltip += ", " + platform.Escape(strings.Join(status.Cards, ", "), maxText)
	}
	if status.Version != version {
		v.trouble = append(v.trouble, fmt.Sprintf("The broker is version %s, this icon %s: restart both after an upgrade",
			platform.Escape(status.Version, maxText), platform.Escape(version, maxText)))
	}
	for _, p := range status.Problems {
		v.trouble = append(v.trouble, "Problem: "+platform.Escape(p.What, 3*maxText))
	}
	for _, p := range status.Soon {
		v.trouble = append(v.trouble, "Soon: "+platform.Escape(p.What, 3*maxText))
	}
	for _, title := range b.event.Notices {
		v.trouble = append(v.trouble, platform.Escape(title, 2*maxText))
	}
	for _, w := range b.event.Waiting {
		v.waiting = append(v.waiting, waitingEntry(w))
	}
	for _, r := range slices.Backward(b.recent) {
		v.recent = append(v.recent, entry{recordText(r), r.ID})
	}
	for _, g := range b.event.Grants {
		v.grants = append(v.grants, entry{"End: " + grantText(g, b.commentOf(g.Fingerprint)), g.ID})
	}
	for _, k := range permanentFirst(b.keys) {
		if k.PublicKey != "" && !k.Hidden && !k.Unproved {
			v.keys = append(v.keys, entry{platform.Escape(cmp.Or(k.Name, k.Comment, k.Fingerprint), maxText) + " (" + k.Type + ")", publicLine(k)})
		}
	}
	if n := len(v.keys) - maxKeys; n > 0 {
		v.more = fmt.Sprintf("%d more: keybroker keys list", n)
	}
	return v
}

// permanentFirst puts sealed keys and those of cards first. Keys that programs added
// come last: there may be many.
func permanentFirst(list []control.Key) []control.Key {
	rank := map[string]int{"softkeys": -2, "cards": -1, "added": 1}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b control.Key) int { return rank[a.Source] - rank[b.Source] })
	return list
}

// commentOf returns the comment of an added key, which has no name.
func (b *broker) commentOf(fingerprint string) string {
	for _, k := range b.keys {
		if k.Fingerprint == fingerprint {
			return k.Comment
		}
	}
	return ""
}

func (b *broker) state() state {
	switch status := b.event.Status; {
	case len(b.event.Waiting) > 0 || len(b.event.Notices) > 0:
		return waiting
	case status.Locked:
		return locked
	case status.Paused:
		return paused
	case len(status.Problems) > 0:
		return troubled
	case len(status.Cards) > 0:
		return cardIn
	}
	return idle
}

// waitingEntry has an id only if a click brings the question up.
func waitingEntry(w control.Waiting) entry {
	e := entry{text: "Waiting for you: " + platform.Escape(strings.TrimSpace(w.Title+" "+w.Program), 3*maxText)}
	if w.Held {
		e.id = w.ID
	}
	return e
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// publicLine is the key as a line of ~/.ssh/authorized_keys.
func publicLine(k control.Key) string {
	return strings.TrimSpace(k.PublicKey + " " + platform.Escape(cmp.Or(k.Comment, k.Name), 4*maxText))
}

// details is the text of a record in full.
func details(r audit.Record) string {
	text := recordText(r) + "\n" + platform.Escape(r.Reason, 8*maxText)
	if r.Peer != nil && len(r.Peer.Chain) > 0 {
		text += "\nstarted by " + platform.Escape(strings.Join(r.Peer.Chain, " ← "), 4*maxText)
	}
	if r.Decision == audit.Refused {
		return text + "\nkeybroker why " + r.ID
	}
	return text + "\nkeybroker log --id " + r.ID
}

// recordText is "15:04 allowed: ssh, work, log in to box".
func recordText(r audit.Record) string {
	parts := []string{programOf(r)}
	if r.Key != nil {
		parts = append(parts, platform.Escape(cmp.Or(r.Key.Name, r.Key.Comment, r.Key.Fingerprint), maxText))
	}
	return fmt.Sprintf("%s %s: %s", r.Time.Local().Format(time.TimeOnly), r.Decision, strings.Join(append(parts, purposeText(r)), ", "))
}

func programOf(r audit.Record) string {
	if r.Peer == nil || r.Peer.Program == "" {
		return "unknown program"
	}
	if (platform.Process{Executable: r.Peer.Exe}).Outside() { // its name may be any
		return platform.Escape(r.Peer.Exe, maxText)
	}
	return platform.Escape(r.Peer.Program, maxText)
}

func purposeText(r audit.Record) string {
	switch {
	case r.Op != keys.OpSign:
		return string(r.Op)
	case r.Purpose == nil || r.Purpose.Kind == wire.KindUnknown:
		return "unknown content"
	case r.Purpose.Kind == wire.KindLogin:
		return "login" + hostText(r.Destination)
	case r.Purpose.Kind == wire.KindSSHSig:
		return "sign for " + platform.Escape(r.Purpose.Namespace, maxText)
	}
	return platform.Escape(r.Purpose.String(), maxText)
}

// hostText names the host. A claimed name never looks like one that was proved.
func hostText(d *keys.Destination) string {
	switch {
	case d == nil || d.Trust == keys.TrustNone || d.Trust == "":
		return " to an unknown host"
	case d.Trust == keys.TrustNew:
		return " to a new host"
	}
	text := " to " + platform.Escape(d.Name(), maxText)
	if d.Trust == keys.TrustClaimed {
		text += " (claimed)"
	}
	return text
}

// grantText names everything that a grant covers, so that it never seems narrower.
func grantText(g policy.Grant, comment string) string {
	text := platform.Escape(cmp.Or(g.KeyName, comment, g.Fingerprint), maxText) + ", " + platform.Escape(g.Program, 2*maxText) + ", " + platform.Escape(g.Purpose, maxText)
	if len(g.Hosts) > 0 {
		text += fmt.Sprintf(" to %s on %d hosts", platform.Escape(g.User, maxText), len(g.Hosts))
	}
	if !g.Host.IsZero() {
		text += " to " + platform.Escape(g.User, maxText) + "@" + platform.Escape(g.Host.Name(), maxText)
	}
	if g.Burst != nil {
		text += fmt.Sprintf(", %s (pid %d), %d more", platform.Escape(g.Burst.Command, maxText), g.Burst.PID, g.Burst.Left)
	}
	return text + ", until " + g.Until.Local().Format("15:04")
}
