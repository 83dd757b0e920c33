package confirm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Limits on what waits for the person. Beyond them a request is refused at
// once: a person cannot answer more, and a program could hide one request
// among many.
const (
	// MaxWaiting bounds the prompts that wait or are shown, over all programs.
	MaxWaiting = 64
	// MaxPerProcess bounds those of one process, so that it leaves room for others.
	MaxPerProcess = 8
	// DefaultTimeout is how long a prompt is shown.
	DefaultTimeout = 60 * time.Second
	// HoldTime is how long a held request waits to be brought up. A server gives
	// a login two minutes (sshd_config(5), LoginGraceTime); git waits longer.
	HoldTime = 10 * time.Minute
)

// Background is what happens to a request of a program that nobody seems to sit
// before (platform.Peer.Background): an editor's fetch, a timer's backup.
type Background string

// Quiet holds it while somebody watches who can tell the person of it, and else
// asks. The zero value asks.
const (
	AskBackground    Background = "ask"
	RefuseBackground Background = "refuse"
	QuietBackground  Background = "quiet"
)

// QueueConfig sets a Queue up. The zero value is ready to use.
type QueueConfig struct {
	Timeout time.Duration    // for each prompt, from when it is shown; 0: DefaultTimeout
	Log     *slog.Logger     // nil: slog.Default()
	Now     func() time.Time // nil: time.Now; for the flood window and Waiting only

	Background Background
	Changed    func() // nil: nobody; something began or ceased to wait; called under a lock: it must only take note
}

// Queue shows one prompt at a time, in the order in which they were asked for,
// but for crowds. Each answer is for one request. It is a Prompter itself.
type Queue struct {
	prompter Prompter
	timeout  time.Duration
	log      *slog.Logger
	now      func() time.Time
	changed  func()

	background Background

	mu       sync.Mutex // never held over a prompt
	pending  []*prompt  // the first one is shown
	held     []*prompt  // wait until they are brought up
	notices  []*Notice  // all of them are shown
	flood    floodGate
	last     uint64 // id
	watchers map[chan struct{}]struct{}
}

// prompt is one question.
type prompt struct {
	id    string
	title string
	quiet bool // it may be held
	use   *keys.Use

	together *Together // nil: it is asked about alone
	listed   []*prompt // whose hosts the question shows, too; guarded by Queue.mu
	counted  bool      // for the flood gate; guarded by Queue.mu
	redraw   redraw    // guarded by Queue.mu

	show  func(context.Context) (Answer, []byte, error)
	since time.Time
	ctx   context.Context // ends early when its time is over or nobody waits
	end   context.CancelCauseFunc
	done  chan struct{} // closed when the result is set

	left   bool // nobody waits for it; guarded by Queue.mu, like the result until done is closed
	answer Answer
	secret []byte
	err    error
}

// NewQueue puts a queue before p.
func NewQueue(p Prompter, cfg QueueConfig) *Queue {
	q := &Queue{prompter: p, timeout: cfg.Timeout, log: cfg.Log, now: cfg.Now, changed: cfg.Changed,
		background: cfg.Background, watchers: map[chan struct{}]struct{}{}}
	if q.changed == nil {
		q.changed = func() {}
	}
	if q.timeout <= 0 {
		q.timeout = DefaultTimeout
	}
	if q.log == nil {
		q.log = slog.Default()
	}
	if q.now == nil {
		q.now = time.Now
	}
	return q
}

// Name is the prompter's.
func (q *Queue) Name() string { return q.prompter.Name() }

// Ask returns the person's answer. Its error is always nil: whatever went
// wrong is a Deny with its reason.
func (q *Queue) Ask(ctx context.Context, question Question) (Answer, error) {
	title, _ := Text(question)
	p := &prompt{title: title, quiet: true, use: question.Use, together: question.Together}
	p.show = func(ctx context.Context) (Answer, []byte, error) {
		a, err := q.draw(ctx, p, question)
		return a, nil, err
	}
	shown, err := q.submit(ctx, p) // may be another, that it joined; p stays what show draws
	var together *togetherError
	if errors.As(err, &together) {
		answer := together.answer
		answer.Reason = err.Error()
		return answer, nil
	}
	if err != nil {
		answer := Denied(Reason(err))
		answer.Remedy = remedy(err)
		return answer, nil
	}
	return shown.answer, nil
}

// draw asks p's question, and again when more logins of its like wait.
func (q *Queue) draw(ctx context.Context, p *prompt, question Question) (Answer, error) {
	for {
		drawn, end := q.drawable(ctx, p)
		answer, err := q.drawOnce(drawn, p, question)
		again := err != nil && ctx.Err() == nil && errors.Is(context.Cause(drawn), ErrMore)
		end()
		if !again {
			return answer, err
		}
	}
}

// drawOnce asks p's question as it stands now. A list of hosts that does not fit is
// halved until it does, or until there is none: the others wait for their turn.
func (q *Queue) drawOnce(ctx context.Context, p *prompt, question Question) (Answer, error) {
	question.Of = q.count()
	for most := p.together.most(); most > 1; {
		burst := q.gather(p, most)
		if burst == nil {
			break
		}
		a, err := q.drawList(ctx, question, burst)
		if !errors.Is(err, ErrTooLong) {
			return a, err
		}
		most = len(burst.Hosts) / 2
	}
	q.gatherNone(p)
	a, err := q.prompter.Ask(ctx, question)
	return clamp(a, question), err
}

// drawList asks the question with a list of hosts.
func (q *Queue) drawList(ctx context.Context, question Question, burst *Burst) (Answer, error) {
	question.Burst = burst
	a, err := q.prompter.Ask(ctx, question)
	a = clamp(a, question)
	if a.Verdict == AllowBurst {
		a.Hosts = burst.Hosts
	}
	return a, err
}

// Secret returns what the person typed; the caller wipes it. An error wraps ErrClosed when the person wanted no more of it.
func (q *Queue) Secret(ctx context.Context, question SecretQuestion) ([]byte, error) {
	// Without the facts it follows a question that was answered already.
	if question.Facts {
		question.Title = leading(question.Title, question.Use)
	}
	p := &prompt{title: platform.Escape(question.Title, 2*MaxLong), quiet: question.Facts, use: question.Use}
	p.show = func(ctx context.Context) (Answer, []byte, error) {
		question.Of = q.count()
		secret, err := q.prompter.Secret(ctx, question)
		return Allowed(AllowOnce, 0), secret, err
	}
	p, err := q.submit(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("confirm: %w", err)
	}
	return p.secret, nil
}

// InTurn calls ask while no other question is shown, for a question that ask shows
// itself. It must return when its context ends.
func (q *Queue) InTurn(ctx context.Context, title string, use *keys.Use, ask func(context.Context) error) error {
	p := &prompt{title: platform.Escape(title, 2*MaxLong), use: use}
	p.show = func(ctx context.Context) (Answer, []byte, error) {
		return Allowed(AllowOnce, 0), nil, ask(ctx)
	}
	_, err := q.submit(ctx, p)
	return err
}

// count is how many questions wait, the one that is shown with them.
func (q *Queue) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending)
}

// pauseRemedy is for who said "Deny for 10 minutes" and thinks better of it.
const pauseRemedy = "it ends at that time, or now: keybroker grants revoke --all"

// remedy is what helps where no answer of the person would: "" elsewhere.
func remedy(err error) string {
	var timeout *timeoutError
	var refusal Refusal
	switch {
	case errors.Is(err, errTooMany):
		return fmt.Sprintf("let fewer ask at once (parallel-ssh -p %d, ansible -f %[1]d), or write a rule that allows them: keybroker policy test", MaxPerProcess)
	case errors.Is(err, errPaused):
		return pauseRemedy
	case errors.Is(err, errUnattended):
		return "write a rule that allows it, or set [confirm] background = \"ask\""
	case errors.Is(err, errNotOpened):
		return "open it when it comes: keybroker show; or write a rule that allows it"
	case errors.Is(err, ErrTooLong):
		return "use a larger screen or smaller letters, or answer in a terminal: keybroker approve"
	case errors.As(err, &timeout), errors.As(err, &refusal):
		return ""
	}
	return "see what is wrong with the prompt: keybroker doctor"
}

// clamp keeps a prompter's mistake from widening what was offered.
func clamp(a Answer, q Question) Answer {
	a.Hosts = nil
	switch {
	case a.Verdict == AllowOnce, a.Verdict == AllowBurst && q.Burst != nil:
		a.For = 0
	case a.Verdict == AllowFor && q.Remember > 0 && a.For > 0:
		a.For = min(a.For, q.Remember)
	case a.Verdict == AllowFor, a.Verdict == AllowBurst:
		return Denied("the prompt allowed longer than was offered")
	case a.Verdict == DenyFor:
		a.For = min(max(a.For, 0), PauseTime)
	case a.Verdict != Deny || a.Reason == "":
		return Denied("the prompt gave no answer")
	default:
		a.For = 0
	}
	return a
}
