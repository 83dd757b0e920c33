package confirm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent/keys"
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
)

// QueueConfig sets a Queue up. The zero value is ready to use.
type QueueConfig struct {
	Timeout time.Duration    // for each prompt, from when it is shown; 0: DefaultTimeout
	Log     *slog.Logger     // nil: slog.Default()
	Now     func() time.Time // nil: time.Now; for the flood window and Waiting only
}

// Queue shows one prompt at a time, in the order in which they were asked for.
// Equal requests of one process are asked once. It is a Prompter itself.
type Queue struct {
	prompter Prompter
	timeout  time.Duration
	log      *slog.Logger
	now      func() time.Time

	mu      sync.Mutex // never held over a prompt
	pending []*prompt  // the first one is shown
	flood   floodGate
}

// prompt is one question and everybody who waits for its answer.
type prompt struct {
	key   any // equal keys share an answer; nil: shares with none
	use   *keys.Use
	show  func(context.Context) (Answer, []byte, error)
	since time.Time
	ctx   context.Context // ends early when its time is over or nobody waits
	end   context.CancelCauseFunc
	done  chan struct{} // closed when the result is set

	waiters int // guarded by Queue.mu, like the result until done is closed
	answer  Answer
	secret  []byte
	err     error
}

// NewQueue puts a queue before p.
func NewQueue(p Prompter, cfg QueueConfig) *Queue {
	q := &Queue{prompter: p, timeout: cfg.Timeout, log: cfg.Log, now: cfg.Now}
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

var errGone = errors.New("the program went away")

// Ask returns the person's answer. Its error is always nil: whatever went
// wrong is a Deny with its reason.
func (q *Queue) Ask(ctx context.Context, question Question) (Answer, error) {
	p := &prompt{key: sameAnswer(question), use: question.Use}
	p.show = func(ctx context.Context) (Answer, []byte, error) {
		a, err := q.prompter.Ask(ctx, question)
		return clamp(a, question.Remember), nil, err
	}
	p, err := q.submit(ctx, p)
	if err != nil {
		return denied(reason(err)), nil
	}
	return p.answer, nil
}

// Secret returns what the person typed; the caller wipes it. Each request is
// asked on its own. An error wraps ErrClosed when the person wanted no more of it.
func (q *Queue) Secret(ctx context.Context, question SecretQuestion) ([]byte, error) {
	p := &prompt{use: question.Use}
	p.show = func(ctx context.Context) (Answer, []byte, error) {
		secret, err := q.prompter.Secret(ctx, question)
		return allowed(AllowOnce, 0), secret, err
	}
	p, err := q.submit(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("confirm: %w", err)
	}
	return p.secret, nil
}

// reason is the text of an error for the audit log.
func reason(err error) string {
	var over *timeoutError
	switch {
	case errors.Is(err, ErrClosed):
		return ErrClosed.Error()
	case errors.Is(err, ErrNoAnswer):
		return ErrNoAnswer.Error()
	case errors.As(err, &over), errors.Is(err, errGone), errors.Is(err, errNoWay), errors.Is(err, errTooMany):
		return err.Error()
	}
	return "prompt program failed: " + err.Error()
}

// clamp keeps a prompter's mistake from widening what was offered.
func clamp(a Answer, remember time.Duration) Answer {
	switch {
	case a.Verdict == AllowOnce:
		a.For = 0
	case a.Verdict == AllowFor && remember > 0 && a.For > 0:
		a.For = min(a.For, remember)
	case a.Verdict == AllowFor:
		return denied("the prompt allowed longer than was offered")
	case a.Verdict != Deny || a.Reason == "":
		return denied("the prompt gave no answer")
	default:
		a.For = 0
	}
	return a
}

// submit returns the prompt with its result set, or why there is none.
func (q *Queue) submit(ctx context.Context, p *prompt) (*prompt, error) {
	if ctx.Err() != nil {
		return nil, errGone
	}
	p, err := q.join(p)
	if err != nil {
		return nil, err
	}
	select {
	case <-p.done:
	case <-p.ctx.Done(): // even if the prompter does not stop
		return nil, context.Cause(p.ctx)
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // an answer to nobody is none
		q.leave(p)
		return nil, errGone
	}
	return p, p.err
}

// join puts p at the end of the queue, or returns the prompt that already asks
// for the same.
func (q *Queue) join(p *prompt) (*prompt, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, other := range q.pending {
		if p.key != nil && p.key == other.key && other.ctx.Err() == nil {
			other.waiters++
			return other, nil
		}
	}
	p.since = q.now()
	if err := q.admitLocked(p.use, p.since); err != nil {
		return nil, err
	}
	p.waiters, p.done = 1, make(chan struct{})
	p.ctx, p.end = context.WithCancelCause(context.Background())
	q.pending = append(q.pending, p)
	if len(q.pending) == 1 {
		go q.run(p)
	}
	return p, nil
}

// leave takes one waiter off p. The last one takes the prompt with it.
func (q *Queue) leave(p *prompt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.waiters--; p.waiters > 0 {
		return
	}
	p.end(errGone)
	clear(p.secret)
	if i := slices.Index(q.pending, p); i > 0 { // the first one is run's to remove
		q.pending = slices.Delete(q.pending, i, i+1)
	}
}

// run shows p and those behind it, one after the other.
func (q *Queue) run(p *prompt) {
	for p != nil {
		answer, secret, err := q.showOne(p)
		p = q.finish(p, answer, secret, err)
	}
}

// showOne asks the prompter. Its time starts now, not when it was queued.
func (q *Queue) showOne(p *prompt) (Answer, []byte, error) {
	ctx, cancel := context.WithTimeoutCause(p.ctx, q.timeout, &timeoutError{q.timeout})
	defer cancel()
	stop := context.AfterFunc(ctx, func() { p.end(context.Cause(ctx)) })
	if ctx.Err() != nil {
		return Answer{}, nil, context.Cause(ctx)
	}
	answer, secret, err := p.show(ctx)
	if !stop() { // too late: everybody was told so, or is about to be
		clear(secret)
		return Answer{}, nil, context.Cause(ctx)
	}
	return answer, secret, err
}

// finish hands the result to those who wait and returns the next prompt.
func (q *Queue) finish(p *prompt, answer Answer, secret []byte, err error) *prompt {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil || p.waiters == 0 {
		clear(secret)
		secret = nil
	}
	if err == nil && answer.Verdict != Deny {
		q.flood.forgive(p.use, p.since)
	}
	p.answer, p.secret, p.err = answer, secret, err
	close(p.done)
	q.pending = slices.Delete(q.pending, 0, 1)
	if len(q.pending) == 0 {
		return nil
	}
	return q.pending[0]
}

// timeoutError is a deadline to whoever asks errors.Is.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string { return "no answer within " + e.after.String() }

func (e *timeoutError) Unwrap() error { return context.DeadlineExceeded }
