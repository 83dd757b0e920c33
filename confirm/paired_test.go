//go:build linux

package confirm

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// pairedRig is a Paired behind its queue.
type pairedRig struct {
	*Paired
	queue *Queue
}

func newPaired(t *testing.T, cfg Config) *pairedRig {
	t.Helper()
	cfg.Env = func(string) string { return "" }
	p, err := NewPaired(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &pairedRig{p, NewQueue(p, QueueConfig{})}
}

// attempt is one terminal that wants to answer.
type attempt struct {
	screen  *pty
	peer    platform.Peer
	leave   context.CancelFunc // its program ends
	answers chan struct{}      // closed when it answers
	ended   chan error         // what Pair returned

	mu    sync.Mutex // guards what follows
	sits  error      // why nobody sits there
	no    error      // what Paired returns
	where string     // what it was told
	alone bool
}

func (a *attempt) standUp(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sits = why
}

func newAttempt(t *testing.T, screen *pty) *attempt {
	peer := login(t).Use.Peer
	peer.Terminal = strings.TrimPrefix(screen.tty.Name(), "/dev/")
	return &attempt{screen: screen, peer: peer, answers: make(chan struct{}), ended: make(chan error, 1)}
}

func (p *pairedRig) start(t *testing.T, a *attempt) *attempt {
	t.Helper()
	tty, err := again(a.screen.tty)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a.leave = cancel
	t.Cleanup(cancel)
	seat := Seat{Terminal: tty, Peer: a.peer, Answers: func() { close(a.answers) },
		Sits: func() error { a.mu.Lock(); defer a.mu.Unlock(); return a.sits },
		Paired: func(where string, alone bool) error {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.where, a.alone = where, alone
			return a.no
		},
	}
	go func() { a.ended <- p.Pair(ctx, p.queue, seat) }()
	return a
}

var codePattern = regexp.MustCompile(`Code +(\d\d\d \d\d\d)`)

// code waits for a code on the screen that is not the old one.
func (p *pty) code(t *testing.T, old string) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if all := codePattern.FindAllStringSubmatch(p.seen(), -1); len(all) > 0 && all[len(all)-1][1] != old {
			return all[len(all)-1][1]
		}
	}
	t.Fatalf("no code was shown in\n%s", p.seen())
	return ""
}

// pair has the code typed that screen shows, and waits until it answers.
func (p *pairedRig) pair(t *testing.T, screen, typedOn *pty) *attempt {
	t.Helper()
	a := p.start(t, newAttempt(t, screen))
	code := screen.code(t, "")
	typedOn.asked(t)
	typedOn.keys.WriteString(code + "\r")
	select {
	case <-a.answers:
	case err := <-a.ended:
		t.Fatalf("not paired: %v", err)
	case <-time.After(patience):
		t.Fatalf("it does not answer:\n%s", typedOn.seen())
	}
	screen.clear()
	typedOn.clear()
	return a
}

// asked waits until the code is asked for here.
func (p *pty) asked(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.HasSuffix(p.seen(), "ode: ") && !strings.HasSuffix(p.seen(), "for no: "); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no code is asked for in\n%s", p.seen())
		}
	}
}

func (a *attempt) refused(t *testing.T, want string) {
	t.Helper()
	select {
	case err := <-a.ended:
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	case <-a.answers:
		t.Error("it answers")
	case <-time.After(patience):
		t.Errorf("it waits for ever:\n%s", a.screen.seen())
	}
}

func answersOn(t *testing.T, p *pairedRig, want string) {
	t.Helper()
	got, _ := p.Pairing()
	if want = strings.TrimPrefix(want, "/dev/"); got.Terminal != want {
		t.Errorf("terminal %q answers, want %q", got.Terminal, want)
	}
}

func TestPairingWithNobodyElseToAsk(t *testing.T) {
	p, screen := newPaired(t, Config{}), newPTY(t)
	if p.Name() != "none" {
		t.Errorf("name %q", p.Name())
	}
	a := p.pair(t, screen, screen)
	answersOn(t, p, screen.tty.Name())
	if p.Name() != "terminal "+a.peer.Terminal || !a.alone || !strings.Contains(a.where, "no other way") {
		t.Errorf("name %q, confirmed by %q, alone %v", p.Name(), a.where, a.alone)
	}
	a.leave()
	if err := <-a.ended; !strings.Contains(err.Error(), "keybroker approve ended on "+a.peer.Terminal) {
		t.Errorf("it ended with %v", err)
	}
	answersOn(t, p, "")
	_, err := p.Ask(t.Context(), login(t))
	if !errors.Is(err, errNoWay) {
		t.Errorf("error %v", err)
	}
}

// The code is shown on one terminal and typed on another: who sees only one of
// them cannot pair.
func TestPairingIsAskedElsewhere(t *testing.T) {
	own, screen := newPTY(t), newPTY(t)
	p := newPaired(t, Config{Terminal: own.tty})
	a := p.start(t, newAttempt(t, screen))
	code := screen.code(t, "")
	own.asked(t)
	if strings.Contains(own.seen(), code) || codePattern.MatchString(own.seen()) {
		t.Errorf("the code is shown where it is to be typed:\n%s", own.seen())
	}
	for _, want := range []string{"on terminal " + a.peer.Terminal, "ssh ← git ← zsh ← code, pid 4711", "If you did not start it, deny."} {
		if !strings.Contains(own.seen(), want) {
			t.Errorf("%q is not said in\n%s", want, own.seen())
		}
	}
	own.keys.WriteString(strings.ReplaceAll(code, " ", "") + "\r")
	<-a.answers
	if a.where != "terminal" || a.alone || p.Name() != "terminal and terminal "+a.peer.Terminal {
		t.Errorf("confirmed by %q, alone %v, name %q", a.where, a.alone, p.Name())
	}
}

func TestPairingWrongCodes(t *testing.T) {
	own, screen := newPTY(t), newPTY(t)
	p := newPaired(t, Config{Terminal: own.tty})
	now := time.Now()
	p.now = func() time.Time { return now }
	a := p.start(t, newAttempt(t, screen))
	old := ""
	for range codeTries {
		code := screen.code(t, old) // each try has another
		own.asked(t)
		own.clear()
		if old == "" {
			own.keys.WriteString("abc\r")
		} else { // one that was right before
			own.keys.WriteString(old + "\r")
		}
		old = code
	}
	a.refused(t, errWrongCode.Error())
	answersOn(t, p, "")
	p.start(t, newAttempt(t, newPTY(t))).refused(t, "too many wrong codes")
	now = now.Add(codeRest)
	screen.clear()
	own.clear()
	p.pair(t, newPTY(t), own)
}

func TestPairingIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(a *attempt, screen, own *pty)
		want string
	}{
		"by Enter":     {func(_ *attempt, _, own *pty) { own.keys.WriteString("\r") }, errWrongCode.Error()},
		"by Ctrl-C":    {func(_ *attempt, _, own *pty) { own.keys.WriteString("\x03") }, ErrClosed.Error()},
		"it went away": {func(a *attempt, _, _ *pty) { a.leave() }, errGone.Error()},
		"it stands elsewhere": {func(a *attempt, screen, own *pty) {
			a.standUp(errors.New("not in the foreground"))
			own.keys.WriteString(codePattern.FindStringSubmatch(screen.seen())[1] + "\r")
		}, "not in the foreground"},
		"it is not written down": {func(a *attempt, screen, own *pty) {
			a.mu.Lock()
			a.no = errors.New("the disk is full")
			a.mu.Unlock()
			own.keys.WriteString(codePattern.FindStringSubmatch(screen.seen())[1] + "\r")
		}, "the disk is full"},
	} {
		t.Run(name, func(t *testing.T) {
			own, screen := newPTY(t), newPTY(t)
			p := newPaired(t, Config{Terminal: own.tty})
			a := p.start(t, newAttempt(t, screen))
			old := ""
			for range codeTries { // Enter is a wrong code
				old = screen.code(t, old)
				own.asked(t)
				own.clear()
				test.do(a, screen, own)
				if name != "by Enter" {
					break
				}
			}
			a.refused(t, test.want)
			answersOn(t, p, "")
			own.restored(t) // a question that was withdrawn may just be going
			screen.restored(t)
		})
	}
}

// restored waits until the terminal is as it was before the question.
func (p *pty) restored(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); !p.echoes(t); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the terminal is left as it was for the question")
		}
	}
}

func TestPairingTakesNoForEnter(t *testing.T) {
	p, screen := newPaired(t, Config{}), newPTY(t)
	a := p.start(t, newAttempt(t, screen))
	screen.asked(t)
	screen.keys.WriteString("\r")
	a.refused(t, ErrClosed.Error())
}

func TestPairingCodeExpires(t *testing.T) {
	own, screen := newPTY(t), newPTY(t)
	p := newPaired(t, Config{Terminal: own.tty})
	p.patience = 100 * time.Millisecond
	p.start(t, newAttempt(t, screen)).refused(t, "no answer within 100ms")
	p.patience = codeTime
	screen.clear()
	p.pair(t, screen, own)
}

// What was typed before the code was shown is no answer.
func TestPairingTypeAhead(t *testing.T) {
	p, screen := newPaired(t, Config{}), newPTY(t)
	screen.keys.WriteString("\r\r\r")
	screen.waitFor(t, "\n")
	p.pair(t, screen, screen)
}

func TestSecondTerminalNeedsTheFirstOne(t *testing.T) {
	own, first, second := newPTY(t), newPTY(t), newPTY(t)
	p := newPaired(t, Config{Terminal: own.tty})
	a := p.pair(t, first, own)
	own.clear()

	b := p.start(t, newAttempt(t, second))
	second.code(t, "")
	first.asked(t)
	p.start(t, newAttempt(t, newPTY(t))).refused(t, "another terminal is being paired")
	first.keys.WriteString("\x03")
	b.refused(t, ErrClosed.Error())
	answersOn(t, p, first.tty.Name())
	first.clear()
	second.clear()

	b = p.pair(t, second, first)
	if err := <-a.ended; !errors.Is(err, errReplaced) {
		t.Errorf("the first one ended with %v", err)
	}
	answersOn(t, p, second.tty.Name())
	if strings.TrimSpace(own.seen()) != "" { // the end of what was typed on it
		t.Errorf("another terminal was asked as well:\n%s", own.seen())
	}
	b.leave()
	<-b.ended
}

func TestApproveOnly(t *testing.T) {
	own, screen := newPTY(t), newPTY(t)
	p := newPaired(t, Config{Prompt: "approve", Terminal: own.tty})
	_, err := p.Ask(t.Context(), login(t))
	_, err2 := p.Secret(t.Context(), SecretQuestion{Title: "PIN"})
	err3 := p.Notify(t.Context(), Notice{Title: "Touch"})
	for _, err := range []error{err, err2, err3} {
		if !errors.Is(err, errUnpaired) || !strings.HasSuffix(err.Error(), "\nin a terminal of yours: keybroker approve") {
			t.Errorf("error %v", err)
		}
	}
	if p.Name() != "approve (no terminal is paired)" || own.seen() != "" {
		t.Errorf("name %q, shown %q", p.Name(), own.seen())
	}
	a := p.pair(t, screen, own) // the other way is asked about this
	if a.alone {
		t.Error("paired alone")
	}
	answer := ask(t, p, login(t))
	screen.waitFor(t, "[N]o")
	screen.keys.WriteString("y\r")
	check(t, <-answer, nil, AllowOnce, "")
	if strings.Contains(own.seen(), "[N]o") {
		t.Error("it was asked elsewhere too")
	}
}

func TestPairingIsClosed(t *testing.T) {
	own := newPTY(t)
	for prompt, tty := range map[string]*pty{"terminal": own, "none": nil} {
		cfg := Config{Prompt: prompt}
		if tty != nil {
			cfg.Terminal = tty.tty
		}
		p := newPaired(t, cfg)
		p.start(t, newAttempt(t, newPTY(t))).refused(t, `[confirm] prompt = "`+prompt+`" lets nothing else answer`)
	}
}

// Shown in two places: the first answer counts, whatever it is.
func TestTwoPlaces(t *testing.T) {
	for name, test := range map[string]struct {
		do      func(own, screen *pty)
		verdict Verdict
		reason  string
		told    func(own, screen *pty) *pty
	}{
		"allowed here":   {func(_, screen *pty) { screen.keys.WriteString("y\r") }, AllowOnce, "", func(own, _ *pty) *pty { return own }},
		"allowed there":  {func(own, _ *pty) { own.keys.WriteString("y\r") }, AllowOnce, "", func(_, screen *pty) *pty { return screen }},
		"denied here":    {func(_, screen *pty) { screen.keys.WriteString("\r") }, Deny, "denied by the person", func(own, _ *pty) *pty { return own }},
		"closed there":   {func(own, _ *pty) { own.keys.WriteString("\x03") }, "", ErrClosed.Error(), func(_, screen *pty) *pty { return screen }},
		"half and whole": {func(own, screen *pty) { own.keys.WriteString("y"); screen.keys.WriteString("n\r") }, Deny, "denied", func(own, _ *pty) *pty { return own }},
	} {
		t.Run(name, func(t *testing.T) {
			own, screen := newPTY(t), newPTY(t)
			p := newPaired(t, Config{Terminal: own.tty})
			p.pair(t, screen, own)
			type result struct {
				a   Answer
				err error
			}
			done := make(chan result, 1)
			go func() { a, err := p.Ask(t.Context(), login(t)); done <- result{a, err} }()
			own.waitFor(t, "[N]o")
			screen.waitFor(t, "[N]o")
			test.do(own, screen)
			r := <-done
			check(t, r.a, r.err, test.verdict, test.reason)
			test.told(own, screen).waitFor(t, "(answered elsewhere)")
			own.restored(t)
			screen.restored(t)
		})
	}
}

// The terminal goes in the middle of the question: alone it is refused, and where
// it is asked in another place too, that answers.
func TestNamedTerminalGoes(t *testing.T) {
	screen := newPTY(t)
	p := newPaired(t, Config{Prompt: "approve"})
	a := p.pair(t, screen, screen)
	answer := ask(t, p.queue, login(t))
	screen.waitFor(t, "(60 s): ")
	screen.keys.WriteString("y") // half an answer
	screen.waitFor(t, "(60 s): y")
	a.leave()
	check(t, <-answer, nil, Deny, "the terminal that was to answer is gone: keybroker approve ended on "+a.peer.Terminal)
	screen.waitFor(t, "(refused: this terminal does not answer any more)")
	<-a.ended
	if !screen.echoes(t) {
		t.Error("the terminal was not restored")
	}

	own, other := newPTY(t), newPTY(t)
	p = newPaired(t, Config{Terminal: own.tty})
	b := p.pair(t, other, own)
	answer = ask(t, p.queue, login(t))
	own.waitFor(t, "[N]o")
	other.waitFor(t, "[N]o")
	b.leave()
	other.waitFor(t, "(refused: this terminal does not answer any more)")
	own.keys.WriteString("y\r")
	check(t, <-answer, nil, AllowOnce, "allowed by the person")
}

// An answer counts only from the program that was paired, in the foreground.
func TestNobodySitsThere(t *testing.T) {
	screen := newPTY(t)
	p := newPaired(t, Config{Prompt: "approve"})
	a := p.pair(t, screen, screen)
	stopped := errors.New("the program is not in the foreground of its terminal\nbring it there: fg")
	a.standUp(stopped)
	got, err := p.Ask(t.Context(), login(t))
	check(t, got, err, "", "not in the foreground")
	if screen.seen() != "" {
		t.Errorf("it was asked all the same:\n%s", screen.seen())
	}
	a.standUp(nil)
	answer := ask(t, p.queue, login(t))
	screen.waitFor(t, "[N]o")
	a.standUp(stopped)
	screen.keys.WriteString("y\r")
	check(t, <-answer, nil, Deny, "not in the foreground")
	a.standUp(nil)
	answer = ask(t, p.queue, login(t))
	screen.clear()
	screen.waitFor(t, "[N]o")
	screen.keys.WriteString("y\r")
	check(t, <-answer, nil, AllowOnce, "")
}

func TestSecretAndNoticeInTwoPlaces(t *testing.T) {
	own, screen := newPTY(t), newPTY(t)
	p := newPaired(t, Config{Terminal: own.tty})
	p.pair(t, screen, own)
	ctx, touched := context.WithCancel(t.Context())
	noticed := make(chan error, 1)
	go func() { noticed <- p.Notify(ctx, Notice{Title: "Touch it", Use: login(t).Use}) }()
	own.waitFor(t, "Touch it")
	screen.waitFor(t, "Touch it")
	go func() {
		own.waitFor(t, "PIN: ")
		screen.waitFor(t, "PIN: ")
		screen.keys.WriteString("123456\r")
	}()
	secret, err := p.queue.Secret(t.Context(), SecretQuestion{Title: "The PIN", Prompt: "PIN:"})
	if string(secret) != "123456" || err != nil {
		t.Errorf("secret %q, %v", secret, err)
	}
	if strings.Contains(screen.seen()+own.seen(), "123456") {
		t.Error("the PIN is shown")
	}
	touched()
	if err := <-noticed; err != nil {
		t.Error(err)
	}
	own.waitFor(t, "over: Touch it")
	screen.waitFor(t, "over: Touch it")
}

// During a question no other program can open the terminal to read what is typed.
func TestNobodyElseOpensTheTerminal(t *testing.T) {
	screen := newPTY(t)
	open := func() (string, error) {
		cmd := exec.Command("sh", "-c", ": <"+screen.tty.Name())
		if os.Getuid() == 0 { // as root without its way round
			cmd = exec.Command(needs(t, "setpriv"), append([]string{"--bounding-set=-sys_admin"}, cmd.Args...)...)
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	p := newPaired(t, Config{Prompt: "approve"})
	p.pair(t, screen, screen)
	for name, talk := range map[string]func(){
		"question": func() { _, _ = p.Ask(t.Context(), login(t)) },
		"secret":   func() { _, _ = p.Secret(t.Context(), SecretQuestion{Title: "PIN", Prompt: "[N]o"}) },
	} {
		if out, err := open(); err != nil {
			t.Fatalf("before: %v %s", err, out)
		}
		done := make(chan struct{})
		go func() { defer close(done); talk() }()
		screen.waitFor(t, "[N]o")
		if out, err := open(); err == nil || !strings.Contains(out, "busy") {
			t.Errorf("%s: %v %s", name, err, out)
		}
		screen.keys.WriteString("\r")
		<-done
		if out, err := open(); err != nil {
			t.Errorf("after the %s: %v %s", name, err, out)
		}
		screen.clear()
	}
}

func TestNewCode(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		code, err := newCode()
		if err != nil || !regexp.MustCompile(`^\d{6}$`).Match(code) {
			t.Fatalf("code %q, %v", code, err)
		}
		seen[string(code)] = true
	}
	if len(seen) < 95 {
		t.Errorf("%d different codes of 100", len(seen))
	}
}
