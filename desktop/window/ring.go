package window

import (
	"cmp"
	"slices"
	"time"

	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/guard"
)

// ring is the button that Tab has gone to. Enter and Space press it once it has
// stood there for as long as a new window must: a person who types on, Tab and
// Enter among it, presses nothing.
type ring struct {
	on    int // 1 and more, from the left; 0: on none
	since xproto.Timestamp
}

// inOrder are the buttons from left to right, and from top to bottom.
func (s *sheet) inOrder() []*button {
	var list []*button
	for i := range s.buttons {
		list = append(list, &s.buttons[i])
	}
	slices.SortFunc(list, func(a, b *button) int {
		return cmp.Or(a.at.Min.Y-b.at.Min.Y, a.at.Min.X-b.at.Min.X)
	})
	return list
}

func (p *prompt) ringed() *button {
	if p.ring.on == 0 {
		return nil
	}
	return p.pic.sheet.inOrder()[p.ring.on-1]
}

// moveRing goes one button on, or back.
func (p *prompt) moveRing(step int, at xproto.Timestamp) {
	n := len(p.pic.sheet.buttons)
	on := (max(p.ring.on, min(1-step, 1))-1+step+n)%n + 1
	p.ring = ring{on, at}
	p.drawAll()
}

// pressRing is Enter or Space. One that comes early takes the ring away.
func (p *prompt) pressRing(at xproto.Timestamp) {
	b, waited := p.ringed(), int32(at-p.ring.since)
	p.ring = ring{}
	if b != nil && waited >= int32(guard.Delay/time.Millisecond) && (!b.armed || p.guard.Armed(uint32(at))) {
		p.say(b.word)
	}
	p.drawAll()
}
