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
	"github.com/keybroker/keybroker/problem"
)

// Limits on what waits for the person. A request beyond them is refused at once: a
// person cannot answer more, and a program could hide one request among many.
const (
	// MaxWaiting bounds the prompts of all programs that wait or are shown.
	MaxWaiting = 64
	// MaxPerProcess bounds the prompts of one process.
	MaxPerProcess = 8
	// DefaultTimeout is how long a prompt is shown.
	DefaultTimeout = 60 * time.Second
	// HoldTime is how long a held request waits to be brought up. A server gives
	// a login two minutes (sshd_config(5), LoginGraceTime); git waits longer.
	HoldTime = 10 * time.Minute
)

// Background is what happens to a request of a program that nobody seems to be
// using (platform.Peer.Background): an editor's fetch, a timer's backup.
type Background string

// QuietBackground holds the request while a watcher can tell the person about it,
// and otherwise asks. The zero value asks.
const (
	AskBackground    Background = "ask"
	RefuseBackground Background = "refuse"
	QuietBackground  Background = "quiet"
)

// QueueConfig configures a Queue. The zero value is ready to use.
type QueueConfig struct {
	Timeout time.Duration    // of each prompt, from when it is shown; 0: DefaultTimeout
	Log     *slog.Logger     // nil: slog.Default()
	Now     func() time.Time // nil: time.Now; for the flood window and Waiting only

	Background Background
	Changed    func() // called when something begins or ceases to wait; under a lock, so it must not block; nil: none
}

// Queue shows one prompt at a time, in the order of the requests except for crowds.
// Each answer is for one request. A Queue is itself a Prompter.
type Queue struct {
	prompter Prompter
	timeout  time.Duration
	log      *slog.Logger
	now      func() time.Time
	changed  func()

	background Background

	mu       sync.Mutex // never held while a prompt is shown
	pending  []*prompt  // the first one is shown
	held     []*prompt  // wait for Show
	notices  []*Notice  // all of them are shown
	flood    floodGate
	lastID   uint64
	watchers map[chan struct{}]struct{}
}

// prompt is one question.
type prompt struct {
	id       string
	title    string
	holdable bool
	use      *keys.Use

	together *Together // nil: it is asked about alone
	listed   []*prompt // the other prompts whose hosts the question lists; guarded by Queue.mu
	counted  bool      // by the flood gate; guarded by Queue.mu
	redraw   redraw    // guarded by Queue.mu

	show  func(context.Context) (Answer, []byte, error)
	since time.Time
	ctx   context.Context // ends when the time is over or nobody waits
	end   context.CancelCauseFunc
	done  chan struct{} // closed when the result is set

	abandoned bool // nobody waits for it; guarded by Queue.mu, like the result until done is closed
	answer    Answer
	secret    []byte
	err       error
}

// NewQueue returns a queue in front of p.
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

// Name is the name of the prompter.
func (q *Queue) Name() string { return q.prompter.Name() }

// Ask returns the person's answer. Its error is always nil: a failure is a Deny with
// its reason.
func (q *Queue) Ask(ctx context.Context, question Question) (Answer, error) {
	title, _ := Text(question)
	p := &prompt{title: title, holdable: true, use: question.Use, together: question.Together}
	p.show = func(ctx context.Context) (Answer, []byte, error) {
		a, err := q.draw(ctx, p, question)
		return a, nil, err
	}
	shown, err := q.submit(ctx, p)
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

// draw asks p's question, and asks it again when more similar logins wait.
func (q *Queue) draw(ctx context.Context, p *prompt, question Question) (Answer, error) {
	for {
		drawn, end := q.drawContext(ctx, p)
		answer, err := q.drawOnce(drawn, p, question)
		again := err != nil && ctx.Err() == nil && errors.Is(context.Cause(drawn), ErrMoreHosts)
		end()
		if !again {
			return answer, err
		}
	}
}

// drawOnce asks p's question with the hosts that wait now. A list that does not fit
// is halved until it fits or is gone; the remaining logins wait for their turn.
func (q *Queue) drawOnce(ctx context.Context, p *prompt, question Question) (Answer, error) {
	question.Pending = q.pendingCount()
	for limit := p.together.maxHosts(); limit > 1; {
		burst := q.gather(p, limit)
		if burst == nil {
			break
		}
		a, err := q.drawList(ctx, question, burst)
		if !errors.Is(err, ErrTooLong) {
			return a, err
		}
		limit = burst.shown() / 2
	}
	q.unlist(p)
	a, err := q.prompter.Ask(ctx, question)
	return clamp(a, question), err
}

// drawList asks question with a list of hosts.
func (q *Queue) drawList(ctx context.Context, question Question, burst *Burst) (Answer, error) {
	question.Burst = burst
	a, err := q.prompter.Ask(ctx, question)
	a = clamp(a, question)
	if a.Verdict == AllowBurst {
		a.Hosts = burst.Hosts
	}
	return a, err
}

// Secret returns what the person typed; the caller wipes it. The error wraps
// ErrClosed when the person closed the prompt.
func (q *Queue) Secret(ctx context.Context, question SecretQuestion) ([]byte, error) {
	// Without Facts the prompt follows a question that has been answered.
	if question.Facts {
		question.Title = withHeadline(question.Title, question.Use)
	}
	p := &prompt{title: platform.Escape(question.Title, 2*MaxLong), holdable: question.Facts, use: question.Use}
	p.show = func(ctx context.Context) (Answer, []byte, error) {
		question.Pending = q.pendingCount()
		secret, err := q.prompter.Secret(ctx, question)
		return Allowed(AllowOnce, 0), secret, err
	}
	p, err := q.submit(ctx, p)
	if err != nil {
		return nil, err
	}
	return p.secret, nil
}

// InTurn calls ask while no other question is shown; ask shows a question itself. It
// must return when its context ends.
func (q *Queue) InTurn(ctx context.Context, title string, use *keys.Use, ask func(context.Context) error) error {
	p := &prompt{title: platform.Escape(title, 2*MaxLong), use: use}
	p.show = func(ctx context.Context) (Answer, []byte, error) {
		return Allowed(AllowOnce, 0), nil, ask(ctx)
	}
	_, err := q.submit(ctx, p)
	return err
}

// pendingCount is how many questions are shown or wait.
func (q *Queue) pendingCount() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending)
}

// pauseRemedy is for a person who regrets "Deny for 10 minutes".
const pauseRemedy = "it ends at that time; to end it now: keybroker grants revoke --all"

// remedy says what helps where asking again does not; "" elsewhere.
func remedy(err error) string {
	if nearer := problem.Remedy(err); nearer != "" {
		return nearer
	}
	var timeout *timeoutError
	var refusal Refusal
	switch {
	case errors.Is(err, errTooMany):
		return fmt.Sprintf("run fewer at once (parallel-ssh -p %d, ansible -f %[1]d), or write a rule that allows them: keybroker policy test", MaxPerProcess)
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

// clamp keeps a mistake of the prompter from allowing more than was offered.
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
