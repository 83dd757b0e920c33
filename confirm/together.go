package confirm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// ErrTooLong is why a question was not shown: not all of it would be readable.
var ErrTooLong = errors.New("the facts do not fit")

// maxListedName bounds the names in a list of hosts: each must be shown whole. A host
// with a longer name gets a question for itself alone.
const maxListedName = 64

// Together says that one answer may cover a login and others of its command. When
// several of them wait, the question lists their hosts and offers them together.
type Together struct {
	Like  any   // comparable: equal for logins that differ only in the host
	Max   int   // hosts in one question
	Offer Burst // without hosts

	// Announced are the hosts that the command said it would log in to, this one among
	// them, with names alone; nil: it said nothing. The question offers all of them.
	Announced []keys.Host
}

// maxHosts is how many hosts one question may list.
func (t *Together) maxHosts() int {
	if t == nil {
		return 0
	}
	return t.Max
}

// togetherError carries the answer to another login's question that also listed
// this login's host.
type togetherError struct{ answer Answer }

func (e *togetherError) Error() string {
	return e.answer.Reason + " (asked together with another host of its command)"
}

// gather returns the offer for p now: the hosts of p and of similar waiting logins, in
// order and at most limit, or nil when there is only one. Later logins are not in it.
func (q *Queue) gather(p *prompt, limit int) *Burst {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.countLocked(p)
	p.listed = nil
	if p.together == nil || !isListable(p.use) {
		return nil
	}
	if p.together.Announced != nil {
		return q.announcedLocked(p, limit)
	}
	offer := p.together.Offer
	offer.Hosts = []keys.Host{p.use.Destination.Host}
	for _, other := range q.allLocked() {
		switch {
		case other == p || other.ctx.Err() != nil:
		case other.isLike(p) && isListable(other.use):
			known := slices.ContainsFunc(offer.Hosts, func(h keys.Host) bool { return isSameHost(h, other.use.Destination.Host) })
			if !known && len(offer.Hosts) >= limit {
				continue
			}
			if !known {
				offer.Hosts = append(offer.Hosts, other.use.Destination.Host)
			}
			p.listed = append(p.listed, other)
		case isNewHostOf(other.use, offer):
			offer.NewHosts++
		}
	}
	if len(offer.Hosts) < 2 {
		p.listed = nil
		return nil
	}
	return &offer
}

// announcedLocked returns the offer of all hosts that p's command announced, of which the
// question shows the first ones.
func (q *Queue) announcedLocked(p *prompt, shown int) *Burst {
	offer := p.together.Offer
	offer.Hosts, offer.Shown = p.together.Announced, shown
	for _, other := range q.allLocked() {
		if other != p && other.ctx.Err() == nil && other.isLike(p) && other.together.Announced != nil {
			p.listed = append(p.listed, other)
		}
	}
	return &offer
}

// unlist undoes gather: the list was not shown.
func (q *Queue) unlist(p *prompt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.listed = nil
}

// isListable reports whether the host's name can be shown whole.
func isListable(use *keys.Use) bool {
	if len(use.Destination.Host.Names) == 0 {
		return false
	}
	return CanList(use.Destination.Host.Name())
}

// CanList reports whether a list of hosts shows the name whole and as it is.
func CanList(name string) bool {
	return name != "" && len(name) <= maxListedName && Escape(name, maxListedName) == name
}

func isSameHost(a, b keys.Host) bool { return a.Fingerprint == b.Fingerprint }

func (p *prompt) isLike(other *prompt) bool {
	return p.together != nil && other.together != nil && p.together.Like == other.together.Like
}

// isNewHostOf reports whether use is a login of b's command to a host without a name
// in known_hosts.
func isNewHostOf(use *keys.Use, b Burst) bool {
	return use != nil && use.Destination.Trust == keys.TrustNew &&
		slices.ContainsFunc(use.Peer.Parents, func(parent platform.Process) bool { return parent.PID == b.PID })
}

// joinsOthersLocked reports whether similar logins to other hosts wait, whose question
// then covers p too.
func (q *Queue) joinsOthersLocked(p *prompt) bool {
	joins := false
	for _, other := range q.allLocked() {
		if !other.isLike(p) || !isListable(other.use) || !isListable(p.use) { // each of these has its own question
			continue
		}
		if isSameHost(other.use.Destination.Host, p.use.Destination.Host) {
			return false
		}
		joins = true
	}
	return joins
}

// countLocked counts a question that is drawn, unless it has been counted.
func (q *Queue) countLocked(p *prompt) {
	if !p.counted {
		p.counted = true
		q.flood.add(p.use, p.since)
	}
}

// endListedLocked refuses all listed logins too when the answer is a no or a timeout.
func (q *Queue) endListedLocked(p *prompt, answer Answer, err error) {
	var timeout *timeoutError
	switch {
	case errors.As(err, &timeout):
		answer = Denied(timeout.Error())
	case errors.Is(err, ErrClosed): // a terminal's Ctrl-C and Ctrl-D
		answer = Denied(ErrClosed.Error())
	case err != nil || answer.Verdict != Deny:
		return
	}
	for _, other := range p.listed {
		other.end(&togetherError{answer})
	}
}

// hostLines lists the hosts that b offers.
func (b *Burst) hostLines() []question.Line {
	var names []string
	for _, host := range b.Hosts[:b.shown()] {
		names = append(names, hostName(host.Name(), maxListedName))
	}
	if more := len(b.Hosts) - b.shown(); more > 0 {
		names[len(names)-1] += fmt.Sprintf(" and %d more", more)
	}
	lines := []question.Line{
		{Label: "Hosts", Text: fmt.Sprintf("%d of one command: %s", len(b.Hosts), strings.Join(names, ", "))},
		{Text: "Deny refuses all of them"},
	}
	if b.NewHosts > 0 {
		lines = append(lines, question.Line{Text: fmt.Sprintf("not in known_hosts, so asked about one by one: %d", b.NewHosts)})
	}
	return lines
}

// shown is how many of the hosts are named.
func (b *Burst) shown() int {
	if b.Shown == 0 {
		return len(b.Hosts)
	}
	return min(b.Shown, len(b.Hosts))
}

// ListsHosts reports whether b is for hosts, which the question lists.
func (b *Burst) ListsHosts() bool { return b != nil && len(b.Hosts) > 0 }

// headlineSuffix follows the name of the host in the headline.
func (b *Burst) headlineSuffix() string {
	if !b.ListsHosts() {
		return ""
	}
	return fmt.Sprintf(", 1 of %d hosts", len(b.Hosts))
}
