package window

import (
	"image"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/guard"
	"github.com/keybroker/keybroker/desktop/question"
)

// handle takes one event. Events that another program forged arrive as forged and
// match no case.
func (p *prompt) handle(event xgb.Event) {
	switch e := event.(type) {
	case xproto.ExposeEvent:
		p.flush(image.Rect(int(e.X), int(e.Y), int(e.X)+int(e.Width), int(e.Y)+int(e.Height)))
	case xproto.VisibilityNotifyEvent:
		p.setUnobscured(e.State == xproto.VisibilityUnobscured)
	case xproto.MapNotifyEvent:
		if e.Window == p.w.id {
			p.mapped = true
			p.flush(p.pic.Bounds())
		}
		p.checkView()
	case xproto.UnmapNotifyEvent:
		if e.Window == p.w.id {
			p.mapped, p.unobscured = false, false
			p.guard.Disarm()
		}
		p.checkView()
	case xproto.DestroyNotifyEvent:
		if e.Window == p.w.id {
			failure := failed(errDisplayGone)
			p.answer = &failure
			return
		}
		p.checkView()
	case xproto.ConfigureNotifyEvent, xproto.CirculateNotifyEvent, xproto.ReparentNotifyEvent, xproto.GravityNotifyEvent:
		p.checkView()
	case xproto.PropertyNotifyEvent:
		if e.Window == p.w.id && e.Atom == p.w.d.atom("_KEYBROKER_TIME") {
			p.handleTime(e.Time)
		}
	case xproto.MappingNotifyEvent: // the keyboard layout changed
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

// handleInput takes mouse and keyboard events.
func (p *prompt) handleInput(event xgb.Event) {
	switch e := event.(type) {
	case xproto.ButtonPressEvent:
		p.buttonDown(e)
	case xproto.ButtonReleaseEvent:
		p.buttonUp(e)
	case xproto.KeyPressEvent:
		p.keyDown(e)
	case xproto.KeyReleaseEvent:
		p.lastRelease[e.Detail] = e.Time
	}
}

// message refuses when the window manager asks the window to close. Any program can
// send this message.
func (p *prompt) message(e xproto.ClientMessageEvent) {
	if e.Type == p.w.d.atom("WM_PROTOCOLS") && e.Format == 32 && xproto.Atom(e.Data.Data32[0]) == p.w.d.atom("WM_DELETE_WINDOW") {
		p.refuse()
	}
}

// refuse is the effect of Esc and the close button.
func (p *prompt) refuse() {
	if p.q.Kind == question.Secret {
		p.finish(question.Closed)
		return
	}
	p.finish(question.Deny)
}

func (p *prompt) setUnobscured(unobscured bool) {
	if p.unobscured == unobscured {
		return
	}
	p.unobscured = unobscured
	p.disarm()
	p.checkView()
}

// checkView surveys the window and disarms it when anything has changed.
func (p *prompt) checkView() {
	if !p.mapped {
		return
	}
	now, err := p.w.survey()
	if err != nil { // the window or the display is going away: an event follows
		p.disarm()
		return
	}
	if now.at.Size() != p.pic.sheet.size { // another program made it smaller
		now.clipped = true
	}
	if now != p.seen {
		p.seen = now
		p.disarm()
	}
	switch {
	case now.covered || !p.unobscured:
		p.raise()
	case !now.clipped && !p.guard.Started() && p.pendingTimes == 0:
		p.pendingTimes++
		p.w.requestTime()
	}
}

// disarm also forgets a pressed mouse button and the requests for the server's time.
func (p *prompt) disarm() {
	p.guard.Disarm()
	p.arming.Stop()
	p.pressed, p.ring = press{}, ring{}
	if p.pendingTimes > 0 { // the answer will be stale
		p.pendingTimes = -1
	}
	p.drawAll()
}

// handleTime starts the guard's wait: the whole window was visible at this time of the
// server. Any program can change a property of our window, so a time that we did not
// request is ignored.
func (p *prompt) handleTime(at xproto.Timestamp) {
	requested, stale := p.pendingTimes != 0, p.pendingTimes < 0
	p.pendingTimes = 0
	switch {
	case stale:
		p.checkView()
	case requested:
		p.guard.Start(uint32(at))
		p.arming.Reset(guard.Delay)
	}
}

// raisePause keeps two windows that both want to be on top from fighting.
const raisePause = time.Second

// raise brings a question to the top again, but not a notice, which must not cover a
// question.
func (p *prompt) raise() {
	if p.q.Kind == question.Notice {
		return
	}
	if time.Since(p.lastRaise) >= raisePause {
		p.lastRaise = time.Now()
		p.w.raise()
	}
}

func (p *prompt) buttonAt(x, y int16) *button {
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
	if b := p.buttonAt(e.EventX, e.EventY); b != nil && (!b.needsArming || p.guard.Accepts(uint32(e.Time))) {
		p.pressed = press{button: b, armed: true}
	}
	p.drawAll()
}

// buttonUp counts only on the button that was pressed, if nothing has changed since.
func (p *prompt) buttonUp(e xproto.ButtonReleaseEvent) {
	pressed := p.pressed
	p.pressed = press{}
	if b := p.buttonAt(e.EventX, e.EventY); e.Detail == leftButton && b != nil && pressed.armed && pressed.button == b {
		if b.word == question.Typed {
			p.submit()
		} else {
			p.finish(b.word)
		}
	}
	p.drawAll()
}

// repeatGap is the longest time from a release to the next press, in milliseconds,
// while a key that is held down repeats.
const repeatGap = 2

func (p *prompt) keyDown(e xproto.KeyPressEvent) {
	released, wasReleased := p.lastRelease[e.Detail]
	repeats := wasReleased && e.Time-released <= repeatGap
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
		if b := p.accelerator(sym, e.State); b != nil && !repeats && (!b.needsArming || p.guard.Accepts(uint32(e.Time))) {
			p.finish(b.word)
		}
		p.drawAll()
	case sym == keyReturn || sym == keyKPEnter:
		if !repeats && p.guard.Accepts(uint32(e.Time)) {
			p.submit()
		}
	default:
		p.hint = p.entry.handleKey(sym, e.State)
		p.drawAll()
	}
}

// accelerator is the button whose letter was pressed together with Alt.
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

// focus follows the keyboard focus, but ignores the events of a grab itself.
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

// grab takes the keyboard while a passphrase is typed, so that no other window
// receives the keys. When another program holds the keyboard, tick tries again.
func (p *prompt) grab() {
	if p.entry == nil || !p.focused || p.grabbed {
		return
	}
	reply, err := xproto.GrabKeyboard(p.w.d.Conn, false, p.w.id, xproto.TimeCurrentTime, xproto.GrabModeAsync, xproto.GrabModeAsync).Reply()
	p.grabbed = err == nil && reply.Status == xproto.GrabStatusSuccess
}
