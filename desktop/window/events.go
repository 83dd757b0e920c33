package window

import (
	"image"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/guard"
	"github.com/keybroker/keybroker/desktop/question"
)

// handle takes one event. Those that another program forged arrive as forged,
// and match nothing.
func (p *prompt) handle(event xgb.Event) {
	switch e := event.(type) {
	case xproto.ExposeEvent:
		p.flush(image.Rect(int(e.X), int(e.Y), int(e.X)+int(e.Width), int(e.Y)+int(e.Height)))
	case xproto.VisibilityNotifyEvent:
		p.visible(e.State == xproto.VisibilityUnobscured)
	case xproto.MapNotifyEvent:
		if e.Window == p.w.id {
			p.mapped = true
			p.flush(p.pic.Bounds())
		}
		p.look()
	case xproto.UnmapNotifyEvent:
		if e.Window == p.w.id {
			p.mapped, p.shown = false, false
			p.guard.Fall()
		}
		p.look()
	case xproto.DestroyNotifyEvent:
		if e.Window == p.w.id {
			failure := failed(errDisplayGone)
			p.answer = &failure
			return
		}
		p.look()
	case xproto.ConfigureNotifyEvent, xproto.CirculateNotifyEvent, xproto.ReparentNotifyEvent, xproto.GravityNotifyEvent:
		p.look()
	case xproto.PropertyNotifyEvent:
		if e.Window == p.w.id && e.Atom == p.w.d.atom("_KEYBROKER_TIME") {
			p.stamped(e.Time)
		}
	case xproto.MappingNotifyEvent: // the keys have other meanings from now on
		if fresh, err := newKeyboard(p.w.d); err == nil {
			p.keyboard = fresh
		}
	case xproto.ClientMessageEvent:
		p.message(e)
	case xproto.FocusInEvent:
		p.focus(e.Mode, true)
	case xproto.FocusOutEvent:
		p.focus(e.Mode, false)
	default:
		p.handleInput(event)
	}
}

// handleInput takes what the person does.
func (p *prompt) handleInput(event xgb.Event) {
	switch e := event.(type) {
	case xproto.ButtonPressEvent:
		p.buttonDown(e)
	case xproto.ButtonReleaseEvent:
		p.buttonUp(e)
	case xproto.KeyPressEvent:
		p.keyDown(e)
	case xproto.KeyReleaseEvent:
		p.release[e.Detail] = e.Time
	}
}

// message closes the window when its manager asks for it. Any program can send
// this; it denies.
func (p *prompt) message(e xproto.ClientMessageEvent) {
	if e.Type == p.w.d.atom("WM_PROTOCOLS") && e.Format == 32 && xproto.Atom(e.Data.Data32[0]) == p.w.d.atom("WM_DELETE_WINDOW") {
		p.refuse()
	}
}

// refuse is what Esc and the close button mean.
func (p *prompt) refuse() {
	if p.q.Kind == question.Secret {
		p.say(question.Closed)
		return
	}
	p.say(question.Deny)
}

func (p *prompt) visible(whole bool) {
	if p.shown == whole {
		return
	}
	p.shown = whole
	p.disarm()
	p.look()
}

// look surveys the window and disarms it when anything about it has changed.
func (p *prompt) look() {
	if !p.mapped {
		return
	}
	now, err := p.w.survey()
	if err != nil { // the window or the display goes: an event will tell
		p.disarm()
		return
	}
	if now.at.Size() != p.pic.sheet.size { // somebody made it smaller
		now.outside = true
	}
	if now != p.seen {
		p.seen = now
		p.disarm()
	}
	switch {
	case now.covered || !p.shown:
		p.toTop()
	case !now.outside && !p.guard.Stands() && p.stamps == 0:
		p.stamps++
		p.w.stamp()
	}
}

// disarm also forgets a mouse button that is down, and times of the server that
// were asked for before.
func (p *prompt) disarm() {
	p.guard.Fall()
	p.arming.Stop()
	p.pressed, p.ring = press{}, ring{}
	if p.stamps > 0 { // that time is of before: it does not count
		p.stamps = -1
	}
	p.drawAll()
}

// stamped begins the wait: everything is seen at this time of the server. Any
// program can change a property of our window; what was not asked for is nothing.
func (p *prompt) stamped(at xproto.Timestamp) {
	asked, stale := p.stamps != 0, p.stamps < 0
	p.stamps = 0
	switch {
	case stale:
		p.look()
	case asked:
		p.guard.Stand(uint32(at))
		p.arming.Reset(guard.Delay)
	}
}

// raisePause keeps two windows that both want to be on top from a fight.
const raisePause = time.Second

// toTop brings a question up again. A notice stays below: it must not cover one.
func (p *prompt) toTop() {
	if p.q.Kind == question.Notice {
		return
	}
	if time.Since(p.raised) >= raisePause {
		p.raised = time.Now()
		p.w.raise()
	}
}

func (p *prompt) at(x, y int16) *button {
	for i := range p.pic.sheet.buttons {
		if b := &p.pic.sheet.buttons[i]; image.Pt(int(x), int(y)).In(b.at) {
			return b
		}
	}
	return nil
}

const leftButton = 1

func (p *prompt) buttonDown(e xproto.ButtonPressEvent) {
	p.pressed = press{}
	if e.Detail != leftButton || !e.SameScreen {
		return
	}
	if p.entry != nil && !p.focused {
		xproto.SetInputFocus(p.w.d.Conn, xproto.InputFocusParent, p.w.id, e.Time)
	}
	if b := p.at(e.EventX, e.EventY); b != nil && (!b.armed || p.guard.Armed(uint32(e.Time))) {
		p.pressed = press{on: b, allowed: true}
	}
	p.drawAll()
}

// buttonUp counts only on the button where the press was, with nothing changed
// since.
func (p *prompt) buttonUp(e xproto.ButtonReleaseEvent) {
	pressed := p.pressed
	p.pressed = press{}
	if b := p.at(e.EventX, e.EventY); e.Detail == leftButton && b != nil && pressed.allowed && pressed.on == b {
		if b.word == question.Typed {
			p.submit()
		} else {
			p.say(b.word)
		}
	}
	p.drawAll()
}

// repeatGap is how close a press follows a release, in milliseconds, when a key
// that is held down repeats itself.
const repeatGap = 2

func (p *prompt) keyDown(e xproto.KeyPressEvent) {
	released, before := p.release[e.Detail]
	repeats := before && e.Time-released <= repeatGap
	sym := p.keyboard.keysym(e.Detail, e.State)
	switch {
	case sym == keyEscape:
		p.refuse()
	case isModifier(sym):
	case p.entry == nil && (sym == keyTab || sym == keyBackTab):
		p.moveRing(1-2*int(e.State&xproto.ModMaskShift), e.Time)
	case p.entry == nil && (sym == keyReturn || sym == keyKPEnter || sym == keySpace) && !repeats:
		p.pressRing(e.Time)
	case p.entry == nil:
		p.ring = ring{}
		if b := p.accelerator(sym, e.State); b != nil && !repeats && (!b.armed || p.guard.Armed(uint32(e.Time))) {
			p.say(b.word)
		}
		p.drawAll()
	case sym == keyReturn || sym == keyKPEnter:
		if !repeats && p.guard.Armed(uint32(e.Time)) {
			p.submit()
		}
	default:
		p.hint = p.entry.typed(sym, e.State)
		p.drawAll()
	}
}

// accelerator is the button whose letter was pressed with Alt.
func (p *prompt) accelerator(sym xproto.Keysym, state uint16) *button {
	const others = xproto.ModMaskControl | xproto.ModMask4 | xproto.ModMaskShift
	if state&xproto.ModMask1 == 0 || state&others != 0 {
		return nil
	}
	for i := range p.pic.sheet.buttons {
		if b := &p.pic.sheet.buttons[i]; b.key != 0 && character(sym) == b.key {
			return b
		}
	}
	return nil
}

// focus follows the keyboard. The grab itself is told of in the same events.
func (p *prompt) focus(mode byte, in bool) {
	if mode == xproto.NotifyModeGrab || mode == xproto.NotifyModeUngrab {
		return
	}
	p.focused = in
	if !in && p.grabbed {
		xproto.UngrabKeyboard(p.w.d.Conn, xproto.TimeCurrentTime)
		p.grabbed = false
	}
	p.grab()
	p.drawAll()
}

// grab takes the keyboard for itself while a passphrase is typed, so that no
// other window of the screen hears it. Somebody else may have it at the moment:
// then it is tried again at the next tick.
func (p *prompt) grab() {
	if p.entry == nil || !p.focused || p.grabbed {
		return
	}
	reply, err := xproto.GrabKeyboard(p.w.d.Conn, false, p.w.id, xproto.TimeCurrentTime, xproto.GrabModeAsync, xproto.GrabModeAsync).Reply()
	p.grabbed = err == nil && reply.Status == xproto.GrabStatusSuccess
}
