package window

import (
	"cmp"
	"slices"
	"time"

	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/guard"
)

// ring is the focus ring that Tab moves. Enter and Space press its button only after
// the ring has stayed there for guard.Delay: a person who keeps typing, even Tab and
// Enter, presses nothing.
type ring struct {
	position int // from the left, beginning with 1; 0: no button
	since    xproto.Timestamp
}

// sortedButtons are the buttons from left to right, row by row.
func (s *sheet) sortedButtons() []*button {
	var list []*button
	for i := range s.buttons {
		list = append(list, &s.buttons[i])
	}
	slices.SortFunc(list, func(a, b *button) int {
		return cmp.Or(a.at.Min.Y-b.at.Min.Y, a.at.Min.X-b.at.Min.X)
	})
	return list
}

func (p *prompt) ringedButton() *button {
	if p.ring.position == 0 {
		return nil
	}
	return p.pic.sheet.sortedButtons()[p.ring.position-1]
}

// moveRing moves the ring one button forward (1) or back (-1).
func (p *prompt) moveRing(step int, at xproto.Timestamp) {
	n := len(p.pic.sheet.buttons)
	position := (max(p.ring.position, min(1-step, 1))-1+step+n)%n + 1
	p.ring = ring{position, at}
	p.drawAll()
}

// pressRing handles Enter and Space. A key that comes too early removes the ring.
func (p *prompt) pressRing(at xproto.Timestamp) {
	b, waited := p.ringedButton(), int32(at-p.ring.since)
	p.ring = ring{}
	if b != nil && waited >= int32(guard.Delay/time.Millisecond) && (!b.needsArming || p.guard.Accepts(uint32(at))) {
		p.finish(b.word)
	}
	p.drawAll()
}
