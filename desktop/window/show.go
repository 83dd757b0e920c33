package window

import (
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/guard"
	"github.com/keybroker/keybroker/desktop/question"
)

// Config is what Show works with.
type Config struct {
	Env  func(string) string
	Gone <-chan struct{} // closed when nobody waits for the answer any more
}

// tickTime is how often the time that is left is drawn anew.
const tickTime = 250 * time.Millisecond

// errDisplayGone means that the X server ended, or took our window away.
var errDisplayGone = errors.New("the display went away")

// Show shows q until the person answers, and returns what they said. Whatever
// goes wrong is an answer that allows nothing.
func Show(q question.Question, c Config) question.Answer {
	p, err := newPrompt(q, c)
	switch {
	case errors.Is(err, errTooMuch):
		return question.Answer{Word: question.TooLong}
	case err != nil:
		return failed(err)
	}
	defer p.close()
	return p.run(c.Gone)
}

func failed(err error) question.Answer {
	return question.Answer{Word: question.Failed, Rest: []byte(err.Error())}
}

// prompt is one question on the screen.
type prompt struct {
	q        question.Question
	w        *xwindow
	keyboard *keyboard
	pic      *picture
	entry    *entry // nil: there is nothing to type
	begun    time.Time

	guard   guard.Guard
	seen    view        // at the last survey
	shown   bool        // it is mapped, and the server calls it unobscured
	mapped  bool        //
	stamps  int         // how many times of the server are on their way
	arming  *time.Timer // until the buttons are drawn as armed
	raised  time.Time   // when it was last brought to the top
	grabbed bool        // the keyboard is ours alone
	focused bool
	hint    string // about the last key
	pressed press
	ring    ring
	release map[xproto.Keycode]xproto.Timestamp // the last release of each key
	answer  *question.Answer
}

// press is a mouse button that went down on one of our buttons.
type press struct {
	on      *button // nil: on none
	allowed bool    // it was armed then
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
	p := &prompt{q: q, begun: time.Now(), release: map[xproto.Keycode]xproto.Timestamp{}}
	if err := p.open(d, fonts, c, d.isDark(<-portal, c.Env)); err != nil {
		d.Close()
		return nil, err
	}
	return p, nil
}

// What a window manager's frame and a panel may take of the monitor.
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
	if p.w, err = newXWindow(d, place(p.q.Kind, sheet.size, area), sheet.size, "keybroker: "+p.q.Title, typing); err != nil {
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

// run is the one place that changes p.
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
			p.guard.Show()
			p.drawAll()
		case <-tick.C:
			p.tick()
		case <-gone:
			return question.Answer{Word: question.Closed}
		}
	}
	return *p.answer
}

// listen hands on what the server sends until it sends no more. Errors come of
// windows that went away while they were looked at, and say nothing.
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

// say ends the question.
func (p *prompt) say(word question.Word) {
	if p.answer == nil {
		p.answer = &question.Answer{Word: word}
	}
}

// submit answers with what was typed. Nothing is no passphrase.
func (p *prompt) submit() {
	if p.entry.count() > 0 && p.answer == nil {
		p.answer = &question.Answer{Word: question.Typed, Rest: append(make([]byte, 0, question.MaxSecret), p.entry.text...)}
	}
}

func (p *prompt) left() time.Duration { return p.q.Time - time.Since(p.begun) }

// ownEnd is how long after the end of its time the window closes by itself. The
// broker ends it before; this is for one that hangs.
const ownEnd = 2 * time.Second

// tick closes a window whose time is over, and looks again whether it is covered.
func (p *prompt) tick() {
	if p.q.Time > 0 && p.left() < -ownEnd {
		p.say(question.Closed)
		return
	}
	p.look()
	p.grab()
	p.drawStatus()
	p.flush(p.statusArea())
}

func (p *prompt) statusText() (text string, urgent bool) {
	switch {
	case p.hint != "":
		return p.hint, true
	case p.seen.outside:
		return cutOff, true
	case p.mapped && (p.seen.covered || !p.shown):
		return covered, true
	}
	return calm(p.q, p.left()), false
}

const (
	cutOff  = "A part of this window is cut off. It allows nothing until all of it is seen."
	covered = "Something lies over this window. It allows nothing until all of it is seen."
)

// calm says what silence does, and which keys do something.
func calm(q question.Question, left time.Duration) string {
	silence := ""
	if q.Time > 0 {
		silence = fmt.Sprintf("Without an answer it is refused in %.0f s. ", max(left.Seconds(), 0))
	}
	switch q.Kind {
	case question.Confirm:
		return silence + "Esc denies; Alt with an underlined letter presses a button."
	case question.Secret:
		return silence + "Keys: Enter when typed, Esc cancels."
	}
	return "There is nothing to click. Esc refuses."
}

// statusTexts are all that the line can say: there must be room for each.
func statusTexts(q question.Question) []string {
	return []string{cutOff, covered, unknownKey, noRoom, calm(q, q.Time)}
}

func (p *prompt) statusArea() image.Rectangle {
	s := p.pic.sheet
	return image.Rect(0, s.foot, s.size.X, s.bar.Max.Y)
}

func (p *prompt) drawStatus() {
	text, urgent := p.statusText()
	rest := 0.0
	if p.q.Time > 0 {
		rest = p.left().Seconds() / p.q.Time.Seconds()
	}
	p.pic.statusLine(text, urgent, rest)
}

func (p *prompt) drawEntry() {
	if p.entry != nil {
		p.pic.entry(p.entry.count(), p.focused)
	}
}

// awake says whether a button looks as if it did something.
func (p *prompt) awake(b *button) bool { return !b.armed || p.guard.Ready() }

func (p *prompt) drawButtons() {
	for i := range p.pic.sheet.buttons {
		b := &p.pic.sheet.buttons[i]
		p.pic.button(*b, p.awake(b), p.pressed.on == b, p.ringed() == b)
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
		p.w.put(p.pic.RGBA, at)
	}
}
