//go:build linux

package paired

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

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/platform"
)

// pairedRig is a Paired with its queue.
type pairedRig struct {
	*Paired
	queue *confirm.Queue
}

func newRig(t *testing.T, cfg ways.Config) *pairedRig {
	t.Helper()
	cfg.Env = func(string) string { return "" }
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &pairedRig{p, confirm.NewQueue(p, confirm.QueueConfig{})}
}

// attempt is the pairing of one terminal.
type attempt struct {
	screen *confirmtest.PTY
	peer   platform.Peer
	leave  context.CancelFunc // ends its program
	paired chan struct{}      // closed when the terminal is paired
	ended  chan error         // the result of Pair

	mu          sync.Mutex // guards what follows
	absent      error      // the result of StillThere
	recordError error      // the result of Confirmed
	where       string     // the arguments of Confirmed
	alone       bool
}

func (a *attempt) setAbsent(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.absent = why
}

func newAttempt(t *testing.T, screen *confirmtest.PTY) *attempt {
	peer := confirmtest.Login(t).Use.Peer
	peer.Terminal = strings.TrimPrefix(screen.TTY.Name(), "/dev/")
	return &attempt{screen: screen, peer: peer, paired: make(chan struct{}), ended: make(chan error, 1)}
}

func (p *pairedRig) start(t *testing.T, a *attempt) *attempt {
	t.Helper()
	tty := a.screen.DupTTY(t)
	ctx, cancel := context.WithCancel(context.Background())
	a.leave = cancel
	t.Cleanup(cancel)
	candidate := Candidate{Terminal: tty, Peer: a.peer, Started: func() { close(a.paired) },
		StillThere: func() error { a.mu.Lock(); defer a.mu.Unlock(); return a.absent },
		Confirmed: func(where string, alone bool) error {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.where, a.alone = where, alone
			return a.recordError
		},
	}
	go func() { a.ended <- p.Pair(ctx, p.queue, candidate) }()
	return a
}

var codePattern = regexp.MustCompile(`Code +(\d\d\d \d\d\d)`)

// codeOn waits for a code other than old on the screen.
func codeOn(t *testing.T, p *confirmtest.PTY, old string) string {
	t.Helper()
	for end := time.Now().Add(confirmtest.Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if all := codePattern.FindAllStringSubmatch(p.Seen(), -1); len(all) > 0 && all[len(all)-1][1] != old {
			return all[len(all)-1][1]
		}
	}
	t.Fatalf("no code was shown in\n%s", p.Seen())
	return ""
}

// pair types the code that screen shows on typedOn, and waits until the terminal is paired.
func (p *pairedRig) pair(t *testing.T, screen, typedOn *confirmtest.PTY) *attempt {
	t.Helper()
	a := p.start(t, newAttempt(t, screen))
	code := codeOn(t, screen, "")
	waitCodeAsked(t, typedOn)
	typedOn.Type(code + "\r")
	select {
	case <-a.paired:
	case err := <-a.ended:
		t.Fatalf("not paired: %v", err)
	case <-time.After(confirmtest.Patience):
		t.Fatalf("the terminal is not paired:\n%s", typedOn.Seen())
	}
	screen.Clear()
	typedOn.Clear()
	return a
}

// waitCodeAsked waits until p asks for the code.
func waitCodeAsked(t *testing.T, p *confirmtest.PTY) {
	t.Helper()
	for end := time.Now().Add(confirmtest.Patience); !strings.HasSuffix(p.Seen(), "ode: ") && !strings.HasSuffix(p.Seen(), "for no: "); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no code is asked for in\n%s", p.Seen())
		}
	}
}

func (a *attempt) wantRefused(t *testing.T, want string) {
	t.Helper()
	select {
	case err := <-a.ended:
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	case <-a.paired:
		t.Error("the terminal is paired")
	case <-time.After(confirmtest.Patience):
		t.Errorf("the pairing does not end:\n%s", a.screen.Seen())
	}
}

func wantPaired(t *testing.T, p *pairedRig, want string) {
	t.Helper()
	got, _ := p.Pairing()
	if want = strings.TrimPrefix(want, "/dev/"); got.Terminal != want {
		t.Errorf("terminal %q is paired, want %q", got.Terminal, want)
	}
}

func TestPairingWithoutAnotherPrompt(t *testing.T) {
	p, screen := newRig(t, ways.Config{}), confirmtest.NewPTY(t)
	if p.Name() != "none" || p.CanAsk() || p.OnTerminal() {
		t.Errorf("name %q, can ask %v, on a terminal %v", p.Name(), p.CanAsk(), p.OnTerminal())
	}
	a := p.pair(t, screen, screen)
	wantPaired(t, p, screen.TTY.Name())
	if !p.CanAsk() || !p.OnTerminal() {
		t.Errorf("can ask %v, on a terminal %v", p.CanAsk(), p.OnTerminal())
	}
	if p.Name() != "terminal "+a.peer.Terminal || !a.alone || !strings.Contains(a.where, "no other way") {
		t.Errorf("name %q, confirmed by %q, alone %v", p.Name(), a.where, a.alone)
	}
	a.leave()
	if err := <-a.ended; !strings.Contains(err.Error(), "keybroker approve ended on "+a.peer.Terminal) {
		t.Errorf("the pairing ended with %v", err)
	}
	wantPaired(t, p, "")
	_, err := p.Ask(t.Context(), confirmtest.Login(t))
	if !errors.Is(err, confirm.ErrNoWay) {
		t.Errorf("error %v", err)
	}
}

// The code is shown on one terminal and typed on another: someone who sees only one of
// them cannot pair.
func TestPairingIsAskedElsewhere(t *testing.T) {
	own, screen := confirmtest.NewPTY(t), confirmtest.NewPTY(t)
	p := newRig(t, ways.Config{Terminal: own.TTY})
	a := p.start(t, newAttempt(t, screen))
	code := codeOn(t, screen, "")
	waitCodeAsked(t, own)
	if strings.Contains(own.Seen(), code) || codePattern.MatchString(own.Seen()) {
		t.Errorf("the code is shown where it must be typed:\n%s", own.Seen())
	}
	for _, want := range []string{"on terminal " + a.peer.Terminal, "ssh ← git ← zsh ← code, pid 4711", "If you did not start it, deny."} {
		if !strings.Contains(own.Seen(), want) {
			t.Errorf("%q is missing in\n%s", want, own.Seen())
		}
	}
	own.Type(strings.ReplaceAll(code, " ", "") + "\r")
	<-a.paired
	if a.where != "terminal" || a.alone || p.Name() != "terminal and terminal "+a.peer.Terminal {
		t.Errorf("confirmed by %q, alone %v, name %q", a.where, a.alone, p.Name())
	}
}

func TestPairingWrongCodes(t *testing.T) {
	own, screen := confirmtest.NewPTY(t), confirmtest.NewPTY(t)
	p := newRig(t, ways.Config{Terminal: own.TTY})
	now := time.Now()
	p.now = func() time.Time { return now }
	a := p.start(t, newAttempt(t, screen))
	old := ""
	for range codeTries {
		code := codeOn(t, screen, old) // each try has another code
		waitCodeAsked(t, own)
		own.Clear()
		if old == "" {
			own.Type("abc\r")
		} else { // the previous code
			own.Type(old + "\r")
		}
		old = code
	}
	a.wantRefused(t, errWrongCode.Error())
	wantPaired(t, p, "")
	p.start(t, newAttempt(t, confirmtest.NewPTY(t))).wantRefused(t, "too many wrong codes")
	now = now.Add(codeBlockTime)
	screen.Clear()
	own.Clear()
	p.pair(t, confirmtest.NewPTY(t), own)
}

func TestPairingIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(a *attempt, screen, own *confirmtest.PTY)
		want string
	}{
		"by Enter":      {func(_ *attempt, _, own *confirmtest.PTY) { own.Type("\r") }, errWrongCode.Error()},
		"by Ctrl-C":     {func(_ *attempt, _, own *confirmtest.PTY) { own.Type("\x03") }, confirm.ErrClosed.Error()},
		"program ended": {func(a *attempt, _, _ *confirmtest.PTY) { a.leave() }, confirm.ErrGone.Error()},
		"in the background": {func(a *attempt, screen, own *confirmtest.PTY) {
			a.setAbsent(errors.New("not in the foreground"))
			own.Type(codePattern.FindStringSubmatch(screen.Seen())[1] + "\r")
		}, "not in the foreground"},
		"the log cannot be written": {func(a *attempt, screen, own *confirmtest.PTY) {
			a.mu.Lock()
			a.recordError = errors.New("the disk is full")
			a.mu.Unlock()
			own.Type(codePattern.FindStringSubmatch(screen.Seen())[1] + "\r")
		}, "the disk is full"},
	} {
		t.Run(name, func(t *testing.T) {
			own, screen := confirmtest.NewPTY(t), confirmtest.NewPTY(t)
			p := newRig(t, ways.Config{Terminal: own.TTY})
			a := p.start(t, newAttempt(t, screen))
			old := ""
			for range codeTries { // Enter is a wrong code
				old = codeOn(t, screen, old)
				waitCodeAsked(t, own)
				own.Clear()
				test.do(a, screen, own)
				if name != "by Enter" {
					break
				}
			}
			a.wantRefused(t, test.want)
			wantPaired(t, p, "")
			own.WaitRestored(t) // a withdrawn question may still be ending
			screen.WaitRestored(t)
		})
	}
}

func TestPairingTakesNoForEnter(t *testing.T) {
	p, screen := newRig(t, ways.Config{}), confirmtest.NewPTY(t)
	a := p.start(t, newAttempt(t, screen))
	waitCodeAsked(t, screen)
	screen.Type("\r")
	a.wantRefused(t, confirm.ErrClosed.Error())
}

func TestPairingCodeExpires(t *testing.T) {
	own, screen := confirmtest.NewPTY(t), confirmtest.NewPTY(t)
	p := newRig(t, ways.Config{Terminal: own.TTY})
	p.codeTimeout = 100 * time.Millisecond
	p.start(t, newAttempt(t, screen)).wantRefused(t, "no answer within 100ms")
	p.codeTimeout = codeTime
	screen.Clear()
	p.pair(t, screen, own)
}

// Keys typed before the code is shown are ignored.
func TestPairingTypeAhead(t *testing.T) {
	p, screen := newRig(t, ways.Config{}), confirmtest.NewPTY(t)
	screen.Type("\r\r\r")
	screen.WaitFor(t, "\n")
	p.pair(t, screen, screen)
}

func TestSecondTerminalNeedsTheFirst(t *testing.T) {
	own, first, second := confirmtest.NewPTY(t), confirmtest.NewPTY(t), confirmtest.NewPTY(t)
	p := newRig(t, ways.Config{Terminal: own.TTY})
	a := p.pair(t, first, own)
	own.Clear()

	b := p.start(t, newAttempt(t, second))
	codeOn(t, second, "")
	waitCodeAsked(t, first)
	p.start(t, newAttempt(t, confirmtest.NewPTY(t))).wantRefused(t, "another terminal is being paired")
	first.Type("\x03")
	b.wantRefused(t, confirm.ErrClosed.Error())
	wantPaired(t, p, first.TTY.Name())
	first.Clear()
	second.Clear()

	b = p.pair(t, second, first)
	if err := <-a.ended; !errors.Is(err, errReplaced) {
		t.Errorf("the first pairing ended with %v", err)
	}
	wantPaired(t, p, second.TTY.Name())
	if strings.TrimSpace(own.Seen()) != "" { // only the end of the earlier input
		t.Errorf("another terminal was asked too:\n%s", own.Seen())
	}
	b.leave()
	<-b.ended
}

func TestApproveOnly(t *testing.T) {
	own, screen := confirmtest.NewPTY(t), confirmtest.NewPTY(t)
	p := newRig(t, ways.Config{Prompt: "approve", Terminal: own.TTY})
	_, err := p.Ask(t.Context(), confirmtest.Login(t))
	_, err2 := p.Secret(t.Context(), confirm.SecretQuestion{Title: "PIN"})
	err3 := p.Notify(t.Context(), confirm.Notice{Title: "Touch"})
	for _, err := range []error{err, err2, err3} {
		if !errors.Is(err, errUnpaired) || !strings.HasSuffix(platform.Text(err), "\nin a terminal of yours: keybroker approve") {
			t.Errorf("error %v", err)
		}
	}
	if p.CanAsk() || p.OnTerminal() {
		t.Errorf("can ask %v, on a terminal %v", p.CanAsk(), p.OnTerminal())
	}
	if p.Name() != "approve (no terminal is paired)" || own.Seen() != "" {
		t.Errorf("name %q, shown %q", p.Name(), own.Seen())
	}
	a := p.pair(t, screen, own) // the other prompt confirms the pairing
	if a.alone {
		t.Error("paired alone")
	}
	answer := confirmtest.Ask(t, p, confirmtest.Login(t))
	screen.WaitFor(t, "[N]o")
	screen.Type("y\r")
	confirmtest.Check(t, <-answer, nil, confirm.AllowOnce, "")
	if strings.Contains(own.Seen(), "[N]o") {
		t.Error("the question was asked elsewhere too")
	}
}

func TestPairingIsClosed(t *testing.T) {
	own := confirmtest.NewPTY(t)
	for prompt, tty := range map[string]*confirmtest.PTY{"terminal": own, "none": nil} {
		cfg := ways.Config{Prompt: prompt}
		if tty != nil {
			cfg.Terminal = tty.TTY
		}
		p := newRig(t, cfg)
		p.start(t, newAttempt(t, confirmtest.NewPTY(t))).wantRefused(t, `[confirm] prompt = "`+prompt+`" lets nothing else answer`)
	}
}

// A question is shown in two places. The first answer counts, whatever it is.
func TestTwoPlaces(t *testing.T) {
	for name, test := range map[string]struct {
		do      func(own, screen *confirmtest.PTY)
		verdict confirm.Verdict
		reason  string
		other   func(own, screen *confirmtest.PTY) *confirmtest.PTY
	}{
		"allowed here":   {func(_, screen *confirmtest.PTY) { screen.Type("y\r") }, confirm.AllowOnce, "", func(own, _ *confirmtest.PTY) *confirmtest.PTY { return own }},
		"allowed there":  {func(own, _ *confirmtest.PTY) { own.Type("y\r") }, confirm.AllowOnce, "", func(_, screen *confirmtest.PTY) *confirmtest.PTY { return screen }},
		"denied here":    {func(_, screen *confirmtest.PTY) { screen.Type("\r") }, confirm.Deny, "denied by the person", func(own, _ *confirmtest.PTY) *confirmtest.PTY { return own }},
		"closed there":   {func(own, _ *confirmtest.PTY) { own.Type("\x03") }, "", confirm.ErrClosed.Error(), func(_, screen *confirmtest.PTY) *confirmtest.PTY { return screen }},
		"half and whole": {func(own, screen *confirmtest.PTY) { own.Type("y"); screen.Type("n\r") }, confirm.Deny, "denied", func(own, _ *confirmtest.PTY) *confirmtest.PTY { return own }},
	} {
		t.Run(name, func(t *testing.T) {
			own, screen := confirmtest.NewPTY(t), confirmtest.NewPTY(t)
			p := newRig(t, ways.Config{Terminal: own.TTY})
			p.pair(t, screen, own)
			type result struct {
				a   confirm.Answer
				err error
			}
			done := make(chan result, 1)
			go func() { a, err := p.Ask(t.Context(), confirmtest.Login(t)); done <- result{a, err} }()
			own.WaitFor(t, "[N]o")
			screen.WaitFor(t, "[N]o")
			test.do(own, screen)
			r := <-done
			confirmtest.Check(t, r.a, r.err, test.verdict, test.reason)
			test.other(own, screen).WaitFor(t, "(answered elsewhere)")
			own.WaitRestored(t)
			screen.WaitRestored(t)
		})
	}
}

// The terminal goes away during the question. Without another prompt the request is
// refused; otherwise the other prompt answers.
func TestPairedTerminalGoesAway(t *testing.T) {
	screen := confirmtest.NewPTY(t)
	p := newRig(t, ways.Config{Prompt: "approve"})
	a := p.pair(t, screen, screen)
	answer := confirmtest.Ask(t, p.queue, confirmtest.Login(t))
	screen.WaitFor(t, "(60 s): ")
	screen.Type("y") // half an answer
	screen.WaitFor(t, "(60 s): y")
	a.leave()
	confirmtest.Check(t, <-answer, nil, confirm.Deny, "the terminal that was to answer is gone: keybroker approve ended on "+a.peer.Terminal)
	screen.WaitFor(t, "(refused: this terminal does not answer any more)")
	<-a.ended
	if !screen.Echoes(t) {
		t.Error("the terminal was not restored")
	}

	own, other := confirmtest.NewPTY(t), confirmtest.NewPTY(t)
	p = newRig(t, ways.Config{Terminal: own.TTY})
	b := p.pair(t, other, own)
	answer = confirmtest.Ask(t, p.queue, confirmtest.Login(t))
	own.WaitFor(t, "[N]o")
	other.WaitFor(t, "[N]o")
	b.leave()
	other.WaitFor(t, "(refused: this terminal does not answer any more)")
	own.Type("y\r")
	confirmtest.Check(t, <-answer, nil, confirm.AllowOnce, "allowed by the person")
}

// An answer counts only while the paired program is in the foreground.
func TestPairedProgramInTheBackground(t *testing.T) {
	screen := confirmtest.NewPTY(t)
	p := newRig(t, ways.Config{Prompt: "approve"})
	a := p.pair(t, screen, screen)
	stopped := errors.New("the program is not in the foreground of its terminal\nbring it there: fg")
	a.setAbsent(stopped)
	got, err := p.Ask(t.Context(), confirmtest.Login(t))
	confirmtest.Check(t, got, err, "", "not in the foreground")
	if screen.Seen() != "" {
		t.Errorf("the question was asked anyway:\n%s", screen.Seen())
	}
	a.setAbsent(nil)
	answer := confirmtest.Ask(t, p.queue, confirmtest.Login(t))
	screen.WaitFor(t, "[N]o")
	a.setAbsent(stopped)
	screen.Type("y\r")
	confirmtest.Check(t, <-answer, nil, confirm.Deny, "not in the foreground")
	a.setAbsent(nil)
	answer = confirmtest.Ask(t, p.queue, confirmtest.Login(t))
	screen.Clear()
	screen.WaitFor(t, "[N]o")
	screen.Type("y\r")
	confirmtest.Check(t, <-answer, nil, confirm.AllowOnce, "")
}

func TestSecretAndNoticeInTwoPlaces(t *testing.T) {
	own, screen := confirmtest.NewPTY(t), confirmtest.NewPTY(t)
	p := newRig(t, ways.Config{Terminal: own.TTY})
	p.pair(t, screen, own)
	ctx, touched := context.WithCancel(t.Context())
	noticed := make(chan error, 1)
	go func() { noticed <- p.Notify(ctx, confirm.Notice{Title: "Touch it", Use: confirmtest.Login(t).Use}) }()
	own.WaitFor(t, "Touch it")
	screen.WaitFor(t, "Touch it")
	go func() {
		own.WaitFor(t, "PIN: ")
		screen.WaitFor(t, "PIN: ")
		screen.Type("123456\r")
	}()
	secret, err := p.queue.Secret(t.Context(), confirm.SecretQuestion{Title: "The PIN", Prompt: "PIN:"})
	if string(secret) != "123456" || err != nil {
		t.Errorf("secret %q, %v", secret, err)
	}
	if strings.Contains(screen.Seen()+own.Seen(), "123456") {
		t.Error("the PIN is shown")
	}
	touched()
	if err := <-noticed; err != nil {
		t.Error(err)
	}
	own.WaitFor(t, "over: Touch it")
	screen.WaitFor(t, "over: Touch it")
}

// During a question no other program can open the terminal to read what is typed.
func TestNobodyElseOpensTheTerminal(t *testing.T) {
	screen := confirmtest.NewPTY(t)
	open := func() (string, error) {
		cmd := exec.Command("sh", "-c", ": <"+screen.TTY.Name())
		if os.Getuid() == 0 { // root without the capability to open it anyway
			cmd = exec.Command("setpriv", append([]string{"--bounding-set=-sys_admin"}, cmd.Args...)...)
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	p := newRig(t, ways.Config{Prompt: "approve"})
	p.pair(t, screen, screen)
	for name, ask := range map[string]func(){
		"question": func() { _, _ = p.Ask(t.Context(), confirmtest.Login(t)) },
		"secret":   func() { _, _ = p.Secret(t.Context(), confirm.SecretQuestion{Title: "PIN", Prompt: "[N]o"}) },
	} {
		if out, err := open(); err != nil {
			t.Fatalf("before: %v %s", err, out)
		}
		done := make(chan struct{})
		go func() { defer close(done); ask() }()
		screen.WaitFor(t, "[N]o")
		if out, err := open(); err == nil || !strings.Contains(out, "busy") {
			t.Errorf("%s: %v %s", name, err, out)
		}
		screen.Type("\r")
		<-done
		if out, err := open(); err != nil {
			t.Errorf("after the %s: %v %s", name, err, out)
		}
		screen.Clear()
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

func TestConformance(t *testing.T) {
	confirmtest.Conformance(t, map[string]func(t *testing.T) confirmtest.Person{"approve": approvePerson, "approve beside": approveBesidePerson})
}

// approvePerson answers on a paired terminal, which is the only prompt.
func approvePerson(t *testing.T) confirmtest.Person {
	p, screen := newRig(t, ways.Config{Prompt: "approve"}), confirmtest.NewPTY(t)
	p.pair(t, screen, screen)
	return screen.PersonAt(p.Paired)
}

// approveBesidePerson answers on a paired terminal while the daemon's terminal shows the
// question too.
func approveBesidePerson(t *testing.T) confirmtest.Person {
	own, screen := confirmtest.NewPTY(t), confirmtest.NewPTY(t)
	p := newRig(t, ways.Config{Prompt: "auto", Terminal: own.TTY})
	p.pair(t, screen, own)
	person := screen.PersonAt(p.Paired)
	wait := person.Wait
	person.Wait = func(t *testing.T) string { own.WaitFor(t, "[N]o"); return wait(t) }
	wantGone := person.WantGone
	person.WantGone = func(t *testing.T) { wantGone(t); own.PersonAt(nil).WantGone(t) }
	return person
}
