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

// ErrTooLong is why a question was not shown: not all of it can be read there.
var ErrTooLong = errors.New("the facts do not fit")

// maxListedName bounds the name of a host that is listed with others: each one
// must be read whole. A host with a longer one is asked about by itself.
const maxListedName = 64

// Together says that a login may be answered with others of its command. When
// several of them wait, the question lists their hosts and offers them as one.
type Together struct {
	Like  any   // comparable: equal for logins that differ in the host alone
	Max   int   // hosts in one question
	Offer Burst // without its hosts
}

// most is how many hosts one question may list.
func (t *Together) most() int {
	if t == nil {
		return 0
	}
	return t.Max
}

// togetherError is why a login has an answer that was given to another one: the
// question listed its host, too.
type togetherError struct{ answer Answer }

func (e *togetherError) Error() string {
	return e.answer.Reason + " (asked together with another host of its command)"
}

// gather is what may be offered for p now: the hosts that it and its like wait for,
// in their order, and not more than most. nil: there is only one. What comes later is not in it.
func (q *Queue) gather(p *prompt, most int) *Burst {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.countLocked(p)
	p.listed = nil
	if p.together == nil || !listable(p.use) {
		return nil
	}
	offer := p.together.Offer
	offer.Hosts = []keys.Host{p.use.Destination.Host}
	for _, other := range q.allLocked() {
		switch {
		case other == p || other.left || other.ctx.Err() != nil:
		case other.isLike(p) && listable(other.use):
			known := slices.ContainsFunc(offer.Hosts, func(h keys.Host) bool { return sameHost(h, other.use.Destination.Host) })
			if !known && len(offer.Hosts) >= most {
				continue
			}
			if !known {
				offer.Hosts = append(offer.Hosts, other.use.Destination.Host)
			}
			p.listed = append(p.listed, other)
		case isNewHostOf(other.use, offer):
			offer.New++
		}
	}
	if len(offer.Hosts) < 2 {
		p.listed = nil
		return nil
	}
	return &offer
}

// gatherNone forgets what gather found: it was not shown.
func (q *Queue) gatherNone(p *prompt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.listed = nil
}

// listable says that the host's name can be shown whole.
func listable(use *keys.Use) bool {
	if len(use.Destination.Host.Names) == 0 {
		return false
	}
	name := use.Destination.Host.Names[0]
	return len(name) <= maxListedName && Escape(name, maxListedName) == name
}

func sameHost(a, b keys.Host) bool { return a.Fingerprint == b.Fingerprint }

func (p *prompt) isLike(other *prompt) bool {
	return p.together != nil && other.together != nil && p.together.Like == other.together.Like
}

// isNewHostOf is true for a login of the command to a host that known_hosts does not name.
func isNewHostOf(use *keys.Use, b Burst) bool {
	return use != nil && use.Destination.Trust == keys.TrustNew &&
		slices.ContainsFunc(use.Peer.Parents, func(parent platform.Process) bool { return parent.PID == b.PID })
}

// joinsOthersLocked says that p waits with logins of its command to other hosts, and so
// is asked about with them: it is no further question.
func (q *Queue) joinsOthersLocked(p *prompt) bool {
	joins := false
	for _, other := range q.allLocked() {
		if !other.isLike(p) || !listable(other.use) || !listable(p.use) { // each of those is a question of its own
			continue
		}
		if sameHost(other.use.Destination.Host, p.use.Destination.Host) {
			return false
		}
		joins = true
	}
	return joins
}

// countLocked counts a question that is drawn and was not counted when it joined others.
func (q *Queue) countLocked(p *prompt) {
	if !p.counted {
		p.counted = true
		q.flood.add(p.use, p.since)
	}
}

// endListedLocked gives a no, or silence, to all that the question listed.
func (q *Queue) endListedLocked(p *prompt, answer Answer, err error) {
	var timeout *timeoutError
	switch {
	case errors.As(err, &timeout):
		answer = Denied(timeout.Error())
	case err != nil || answer.Verdict != Deny:
		return
	}
	for _, other := range p.listed {
		other.end(&togetherError{answer})
	}
}

// hostLines list the hosts that b offers.
func (b *Burst) hostLines() []question.Line {
	var names []string
	for _, host := range b.Hosts {
		names = append(names, hostName(host.Names[0], maxListedName))
	}
	lines := []question.Line{
		{Label: "Hosts", Text: fmt.Sprintf("%d of one command: %s", len(b.Hosts), strings.Join(names, ", "))},
		{Text: "Deny refuses all of them"},
	}
	if b.New > 0 {
		lines = append(lines, question.Line{Text: fmt.Sprintf("not in known_hosts, and asked about one by one: %d", b.New)})
	}
	return lines
}

// Lists says that b is for hosts, which the question shows.
func (b *Burst) Lists() bool { return b != nil && len(b.Hosts) > 0 }

// among follows the name of the host in the headline.
func (b *Burst) among() string {
	if !b.Lists() {
		return ""
	}
	return fmt.Sprintf(", 1 of %d hosts", len(b.Hosts))
}
