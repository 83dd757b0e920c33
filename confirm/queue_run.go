package confirm

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"
)

// submit returns the prompt with its result set, or why there is none.
func (q *Queue) submit(ctx context.Context, p *prompt) (*prompt, error) {
	if ctx.Err() != nil {
		return nil, ErrGone
	}
	if err := q.join(p); err != nil {
		return nil, err
	}
	select {
	case <-p.done:
	case <-p.ctx.Done(): // even if the prompter does not stop
		q.remove(p)
		return nil, context.Cause(p.ctx)
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // an answer to nobody is none
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
	background := p.use != nil && p.quiet && p.use.Peer.Background()
	if background && q.background == RefuseBackground {
		return errUnattended
	}
	if err := q.admitLocked(p); err != nil {
		return err
	}
	q.last++
	p.id = strconv.FormatUint(q.last, 10)
	if p.use != nil && p.use.ID != "" {
		p.id = p.use.ID // as the audit log has it
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

// leave withdraws p. One that was allowed meanwhile is no part of a flood.
func (q *Queue) leave(p *prompt, allowed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if allowed {
		q.flood.forgive(p.use, p.since)
	}
	p.left = true
	p.end(ErrGone)
	clear(p.secret)
	q.removeLocked(p)
	q.changedLocked()
}

// remove takes away what has ended: nobody looks at it again.
func (q *Queue) remove(p *prompt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.removeLocked(p)
	q.changedLocked()
}

func (q *Queue) removeLocked(p *prompt) {
	if i := slices.Index(q.pending, p); i > 0 { // the first one is run's to remove
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
			p.mayEnd()
		}
	}
}

// coverTime is how long a question waits to be withdrawn after an answer that
// may cover it, too: no window is to flash up.
const coverTime = 100 * time.Millisecond

func (p *prompt) mayEnd() {
	select {
	case <-p.ctx.Done():
	case <-time.After(coverTime):
	}
}

// showOne asks the prompter. Its time starts now, not when it was queued.
func (q *Queue) showOne(p *prompt) (Answer, []byte, error) {
	ctx, cancel := context.WithTimeoutCause(p.ctx, q.timeout, NoAnswerWithin(q.timeout))
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
	if err != nil || p.left {
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

// pauseLocked refuses what the same program asks for a while, and what it has
// asked already.
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

// EndPauses ends what "Deny for 10 minutes" began, and returns how many programs
// may ask again.
func (q *Queue) EndPauses() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.flood.endPauses(q.now())
}
