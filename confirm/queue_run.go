package confirm

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"
)

// submit queues p and returns it with its result set, or why there is none.
func (q *Queue) submit(ctx context.Context, p *prompt) (*prompt, error) {
	if ctx.Err() != nil {
		return nil, ErrGone
	}
	if err := q.join(p); err != nil {
		return nil, err
	}
	select {
	case <-p.done:
	case <-p.ctx.Done(): // even if the prompter does not return
		q.remove(p)
		return nil, context.Cause(p.ctx)
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // an answer that nobody waits for does not count
		q.leave(p, errors.Is(context.Cause(ctx), ErrAllowed))
		return nil, ErrGone
	}
	return p, p.err
}

// join puts p into the queue.
func (q *Queue) join(p *prompt) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.since = q.now()
	background := p.use != nil && p.holdable && p.use.Peer.Background()
	if background && q.background == RefuseBackground {
		return errUnattended
	}
	if err := q.admitLocked(p); err != nil {
		return err
	}
	q.lastID++
	p.id = strconv.FormatUint(q.lastID, 10)
	if p.use != nil && p.use.ID != "" {
		p.id = p.use.ID // the same as in the audit log
	}
	p.done = make(chan struct{})
	p.ctx, p.end = context.WithCancelCause(context.Background())
	if background && q.background == QuietBackground && len(q.watchers) > 0 {
		q.holdLocked(p)
		return nil
	}
	q.enqueueLocked(p)
	return nil
}

func (q *Queue) enqueueLocked(p *prompt) {
	q.pending = slices.Insert(q.pending, q.placeLocked(p), p)
	if len(q.pending) == 1 {
		go q.run(p)
	}
	q.redrawLocked(p)
	q.changedLocked()
}

// leave withdraws p. A prompt that was allowed meanwhile does not count as flood.
func (q *Queue) leave(p *prompt, allowed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if allowed {
		q.flood.forgive(p.use, p.since)
	}
	p.abandoned = true
	p.end(ErrGone)
	clear(p.secret)
	q.removeLocked(p)
	q.changedLocked()
}

// remove drops a prompt that has ended.
func (q *Queue) remove(p *prompt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.removeLocked(p)
	q.changedLocked()
}

func (q *Queue) removeLocked(p *prompt) {
	if i := slices.Index(q.pending, p); i > 0 { // run removes the first one
		q.pending = slices.Delete(q.pending, i, i+1)
	}
	q.dropHeldLocked(p)
}

// run shows p and those behind it, one after the other.
func (q *Queue) run(p *prompt) {
	for p != nil {
		answer, secret, err := q.showOne(p)
		p = q.finish(p, answer, secret, err)
		if p != nil && (answer.Verdict == AllowFor || answer.Verdict == AllowBurst) {
			p.awaitWithdrawal()
		}
	}
}

// coverTime is how long the next question waits after an answer that may cover it
// too: it may be withdrawn, and its window must not flash up.
const coverTime = 100 * time.Millisecond

func (p *prompt) awaitWithdrawal() {
	select {
	case <-p.ctx.Done():
	case <-time.After(coverTime):
	}
}

// showOne asks the prompter. The timeout starts now, not when p was queued.
func (q *Queue) showOne(p *prompt) (Answer, []byte, error) {
	ctx, cancel := context.WithTimeoutCause(p.ctx, q.timeout, NoAnswerWithin(q.timeout))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { p.end(context.Cause(ctx)) })
	if ctx.Err() != nil {
		return Answer{}, nil, context.Cause(ctx)
	}
	answer, secret, err := p.show(ctx)
	if !stop() { // too late: the waiter got the timeout or soon will
		clear(secret)
		return Answer{}, nil, context.Cause(ctx)
	}
	return answer, secret, err
}

// finish passes the result to the waiter and returns the next prompt.
func (q *Queue) finish(p *prompt, answer Answer, secret []byte, err error) *prompt {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil || p.abandoned {
		clear(secret)
		secret = nil
	}
	if err == nil && answer.Verdict != Deny {
		q.flood.forgive(p.use, p.since)
	}
	if err == nil && answer.Verdict == DenyFor {
		answer = q.pauseLocked(p, answer.For)
	}
	q.endListedLocked(p, answer, err)
	p.answer, p.secret, p.err = answer, secret, err
	close(p.done)
	q.pending = slices.Delete(q.pending, 0, 1)
	q.changedLocked()
	if len(q.pending) == 0 {
		return nil
	}
	return q.pending[0]
}

// pauseLocked refuses all requests of the same program for d, including those that
// wait already.
func (q *Queue) pauseLocked(p *prompt, d time.Duration) Answer {
	now := q.now()
	sources := q.flood.pause(p.use, now, d)
	for _, other := range q.allLocked() {
		for _, s := range sourcesOf(other.use) {
			if other != p && slices.Contains(sources, s) {
				other.end(paused(other.use, s, now.Add(d)))
				break
			}
		}
	}
	q.log.Info("the person denied all that a program asks, for a while", "program", program(p.use), "for", d)
	denied := DeniedByPerson()
	denied.Reason += ", and for " + InWords(d) + " whatever else " + program(p.use) + " asks"
	denied.Remedy = pauseRemedy
	return denied
}

// EndPauses ends the pauses of "Deny for 10 minutes" and returns their number.
func (q *Queue) EndPauses() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.flood.endPauses(q.now())
}
