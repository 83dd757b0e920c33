// Package window draws a question on an X11 display and waits for the person's answer.
// It decides nothing: the broker chooses what is shown, and a question that does not fit
// is not shown at all.
//
// It runs in a separate process (keybroker-desktop prompt), with one question each.
package window

import (
	"errors"
	"fmt"
	"image"
	"io"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/guard"
	"github.com/keybroker/keybroker/desktop/question"
)

// Config configures Show.
type Config struct {
	Env  func(string) string
	Gone <-chan struct{} // closed when nobody waits for the answer
	// Connected is called before the question is drawn: from then on the window needs its display
	// and the directories of fonts alone. Its error refuses the question. It may be nil.
	Connected func(fontDirs []string) error
}

// tickTime is how often the remaining time is drawn.
const tickTime = 250 * time.Millisecond

// errDisplayGone means that the X server ended or destroyed our window.
var errDisplayGone = errors.New("the display went away")

// Show shows q until the person answers and returns the answer. An error becomes an
// answer that allows nothing.
func Show(q question.Question, c Config) question.Answer {
	p, err := newPrompt(q, c)
	switch {
	case errors.Is(err, errTooLarge):
		return question.Answer{Word: question.TooLong}
	case errors.Is(err, io.EOF): // so xgb says that its connection ended
		return failed(errDisplayGone)
	case err != nil:
		return failed(err)
	}
	defer p.close()
	return p.run(c.Gone)
}

func failed(err error) question.Answer {
	return question.Answer{Word: question.Failed, Text: []byte(err.Error())}
}

// prompt is one question on the screen.
type prompt struct {
	q        question.Question
	w        *xwindow
	keyboard *keyboard
	pic      *picture
	entry    *entry // nil: no entry field
	start    time.Time

	guard        guard.Guard
	seen         view // at the last survey
	unobscured   bool // mapped, and unobscured according to the server
	mapped       bool
	pendingTimes int         // 1: the server's time was requested; -1: its answer will be stale
	arming       *time.Timer // until the buttons are drawn as armed
	lastRaise    time.Time
	grabbed      bool // the window holds the keyboard grab
	focused      bool
	hint         string // about the last key
	pressed      press
	ring         ring
	lastRelease  map[xproto.Keycode]xproto.Timestamp // of each key
	answer       *question.Answer
}

// press is a mouse button that went down on one of our buttons.
type press struct {
	button *button // nil: none
	armed  bool    // when it was pressed
}

func newPrompt(q question.Question, c Config) (*prompt, error) {
	portal := askPortal()
	fonts, err := newFonts()
	if err != nil {
		return nil, err
	}
	d, err := openDisplay()
	if err != nil {
		return nil, err
	}
	p := &prompt{q: q, start: time.Now(), lastRelease: map[xproto.Keycode]xproto.Timestamp{}}
	dark := d.isDark(<-portal, c.Env)
	if c.Connected != nil {
		err = c.Connected(fonts.dirs)
	}
	if err == nil {
		err = p.open(d, fonts, c, dark)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return p, nil
}

// Space that a window manager's frame and a panel may take on the monitor.
const (
	frameWidth  = 16
	frameHeight = 80
)

func (p *prompt) open(d *display, fonts *fonts, c Config, isDark bool) error {
	theme := light
	if isDark {
		theme = dark
	}
	area := d.monitor()
	pen := &pen{fonts: fonts, glyphs: map[glyphKey]glyph{}}
	zoom := d.scale(c.Env)
	sheet, err := layOut(p.q, pen, theme, zoom, area.Size().Sub(image.Pt(int(frameWidth*zoom), int(frameHeight*zoom))))
	if err != nil {
		return err
	}
	if p.keyboard, err = newKeyboard(d); err != nil {
		return err
	}
	typing := p.q.Kind == question.Secret
	if p.w, err = newXWindow(d, cornerFor(p.q.Kind, sheet.size, area), sheet.size, "keybroker: "+p.q.Title, typing); err != nil {
		return err
	}
	if typing {
		p.entry = newEntry()
	}
	p.pic = paint(sheet, pen)
	p.drawButtons()
	p.drawStatus()
	p.drawEntry()
	p.arming = time.NewTimer(time.Hour)
	p.arming.Stop()
	return xproto.MapWindowChecked(d.Conn, p.w.id).Check()
}

func (p *prompt) close() {
	if p.entry != nil {
		p.entry.wipe()
	}
	p.w.d.Close()
}

// run handles events until there is an answer. Nothing else changes p.
func (p *prompt) run(gone <-chan struct{}) question.Answer {
	events := listen(p.w.d.Conn)
	tick := time.NewTicker(tickTime)
	defer tick.Stop()
	for p.answer == nil {
		select {
		case event, ok := <-events:
			if !ok {
				return failed(errDisplayGone)
			}
			p.handle(event)
		case <-p.arming.C:
			p.guard.MarkShown()
			p.drawAll()
		case <-tick.C:
			p.tick()
		case <-gone:
			return question.Answer{Word: question.Closed}
		}
	}
	return *p.answer
}

// listen passes on the events of the server until the connection ends. It ignores
// errors, which come from windows that went away during a survey.
func listen(conn *xgb.Conn) <-chan xgb.Event {
	events := make(chan xgb.Event)
	go func() {
		defer close(events)
		for {
			event, err := conn.WaitForEvent()
			switch {
			case event != nil:
				events <- event
			case err == nil:
				return
			}
		}
	}()
	return events
}

// finish ends the question.
func (p *prompt) finish(word question.Word) {
	if p.answer == nil {
		p.answer = &question.Answer{Word: word}
	}
}

// submit answers with what was typed, if anything was.
func (p *prompt) submit() {
	if p.entry.count() > 0 && p.answer == nil {
		p.answer = &question.Answer{Word: question.Typed, Text: append(make([]byte, 0, question.MaxSecret), p.entry.text...)}
	}
}

func (p *prompt) left() time.Duration { return p.q.Time - time.Since(p.start) }

// overtime is how long after its timeout the window closes by itself, in case the
// broker hangs.
const overtime = 2 * time.Second

// tick closes a window whose time is over, and checks again whether it is covered.
func (p *prompt) tick() {
	if p.q.Time > 0 && p.left() < -overtime {
		p.finish(question.Closed)
		return
	}
	p.checkView()
	p.grab()
	p.drawStatus()
	p.flush(p.statusArea())
}

func (p *prompt) statusText() (text string, urgent bool) {
	switch {
	case p.hint != "":
		return p.hint, true
	case p.seen.clipped:
		return clippedText, true
	case p.mapped && (p.seen.covered || !p.unobscured):
		return coveredText, true
	}
	return idleText(p.q, p.left()), false
}

const (
	clippedText = "Part of this window is off the screen. It allows nothing until all of it is visible."
	coveredText = "Another window covers this one. It allows nothing until all of it is visible."
)

// idleText says when the question times out and which keys work.
func idleText(q question.Question, left time.Duration) string {
	timeout := ""
	if q.Time > 0 {
		timeout = fmt.Sprintf("Without an answer it is refused in %.0f s. ", max(left.Seconds(), 0))
	}
	switch q.Kind {
	case question.Confirm:
		return timeout + "Esc denies; Alt with an underlined letter presses a button."
	case question.Secret:
		return timeout + "Enter submits, Esc cancels."
	}
	return "There is nothing to click. Esc refuses."
}

// statusTexts are the texts of the status line, which needs room for each.
func statusTexts(q question.Question) []string {
	return []string{clippedText, coveredText, unknownKey, noRoom, idleText(q, q.Time)}
}

func (p *prompt) statusArea() image.Rectangle {
	s := p.pic.sheet
	return image.Rect(0, s.footTop, s.size.X, s.bar.Max.Y)
}

func (p *prompt) drawStatus() {
	text, urgent := p.statusText()
	fraction := 0.0
	if p.q.Time > 0 {
		fraction = p.left().Seconds() / p.q.Time.Seconds()
	}
	p.pic.drawStatus(text, urgent, fraction)
}

func (p *prompt) drawEntry() {
	if p.entry != nil {
		p.pic.drawEntry(p.entry.count(), p.focused)
	}
}

// isEnabled reports whether a button is drawn as enabled.
func (p *prompt) isEnabled(b *button) bool { return !b.needsArming || p.guard.ShownArmed() }

func (p *prompt) drawButtons() {
	for i := range p.pic.sheet.buttons {
		b := &p.pic.sheet.buttons[i]
		p.pic.drawButton(*b, p.isEnabled(b), p.pressed.button == b, p.ringedButton() == b)
	}
}

// drawAll draws everything that can change.
func (p *prompt) drawAll() {
	p.drawButtons()
	p.drawStatus()
	p.drawEntry()
	p.flush(p.pic.Bounds())
}

func (p *prompt) flush(at image.Rectangle) {
	if p.mapped {
		p.w.putImage(p.pic.RGBA, at)
	}
}
