package confirm

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// Limits of pairing. With them a program that guesses has three chances in a
// million each minute, and each try shows.
const (
	// codeDigits can be read and typed in one go (as for Bluetooth's and TV sets' pairing).
	codeDigits = 6
	// codeTries is for a slip of the finger or two. Each try has a code of its own.
	codeTries = 3
	// codeTime is enough to walk to another screen of the same room.
	codeTime = 60 * time.Second
	// codeRest is how long nothing is paired after so many wrong codes.
	codeRest = time.Minute
)

// Why a terminal is not paired.
var (
	errWrongCode = errors.New("the code that was typed is not the one that was shown")
	errReplaced  = fmt.Errorf("%w: another terminal was paired in its place", errUnnamed)
)

// errNotPaired wraps what the caller of Pair found wrong.
var errNotPaired = errors.New("the terminal is not paired")

// pairing is a terminal that is being paired.
type pairing struct {
	*named
	where string // the code was typed, in words
	alone bool   // on the terminal itself: there was no other way to ask
}

// Pair asks through queue whether the terminal of seat may answer, and then
// returns only when it answers no more, with the reason: ctx ended, it went away,
// or another one was paired. It closes the terminal.
func (p *Paired) Pair(ctx context.Context, queue *Queue, seat Seat) error {
	n, err := newNamed(ctx, seat)
	if err != nil {
		_ = seat.Terminal.Close()
		return err
	}
	defer n.close()
	if err := p.start(); err != nil {
		return err
	}
	err = p.confirm(n.ctx, queue, n)
	p.stop(err)
	if err != nil {
		return errors.New(strings.TrimPrefix(reason(err), "confirm: "))
	}
	p.take(n)
	defer p.leave(n)
	seat.Answers()
	<-n.ctx.Done()
	return n.gone()
}

// start lets one terminal at a time be paired.
func (p *Paired) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed != "":
		return errors.New(p.closed)
	case p.busy:
		return errors.New("another terminal is being paired\ntry again when that is done: keybroker status")
	case p.now().Before(p.rest):
		return fmt.Errorf("too many wrong codes: no terminal is paired before %s\ntry again then", p.rest.Format(time.TimeOnly))
	}
	p.busy = true
	return nil
}

func (p *Paired) stop(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = false
	if errors.Is(err, errWrongCode) {
		p.rest = p.now().Add(codeRest)
	}
}

func (p *Paired) take(n *named) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		p.current.end(errReplaced)
	}
	n.since = p.now()
	p.current = n
}

func (p *Paired) leave(n *named) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == n {
		p.current = nil
	}
}

// confirm gives the person some tries.
func (p *Paired) confirm(ctx context.Context, queue *Queue, n *named) (err error) {
	try := &pairing{named: n}
	q := SecretQuestion{Title: "May a terminal answer for you?", Prompt: "Code:", pairing: try,
		Use: &keys.Use{Op: keys.OpApprove, Peer: n.seat.Peer, Time: p.now()}}
	for range codeTries {
		if _, err = queue.Secret(ctx, q); err == nil {
			if err = n.seat.Paired(try.where, try.alone); err != nil {
				err = fmt.Errorf("%w: %w", errNotPaired, err)
			}
			return err
		}
		if !errors.Is(err, errWrongCode) {
			return err
		}
		q.Error = "That is not the code. There is a new one."
	}
	return err
}

// compare shows a new code on the terminal that is to be paired, and has it typed
// where the person is asked already: in the terminal that is paired now, else
// in the other way. Where there is neither, nobody but the new terminal can be asked.
func (p *Paired) compare(ctx context.Context, q SecretQuestion) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.patience, &timeoutError{p.patience})
	defer cancel()
	code, err := newCode()
	if err != nil {
		return err
	}
	defer clear(code)
	typed, err := p.typed(ctx, q, code)
	defer clear(typed)
	switch {
	case err != nil:
		return err
	case subtle.ConstantTimeCompare(digits(typed), code) != 1:
		return errWrongCode
	}
	return q.pairing.here()
}

func (p *Paired) typed(ctx context.Context, q SecretQuestion, code []byte) ([]byte, error) {
	n, place := q.pairing.named, p.way
	current := p.named()
	if current != nil {
		place = current
	}
	if _, nothing := place.(none); nothing {
		q.pairing.where, q.pairing.alone = "that terminal itself: there was no other way to ask", true
		return n.ownCode(ctx, code)
	}
	q.pairing.where, q.pairing.alone = place.Name(), false
	if err := n.showCode(ctx, code, place.Name()); err != nil {
		return nil, err
	}
	q.Text = q.pairing.text(current)
	return place.Secret(ctx, q)
}

// text is shown where the code is typed. It says who wants it: the kernel's word,
// and of the programs what they are called.
func (t *pairing) text(current *named) string {
	peer := t.seat.Peer
	lines := []string{"keybroker approve wants to answer on terminal " + t.name() + "."}
	where := fmt.Sprintf("Who: %s, pid %d", peer.Chain(), peer.PID)
	if peer.SSHLogin {
		where += ", through an ssh login"
	}
	lines = append(lines, where, "Until it ends, who types there allows uses of your keys and gives PINs.")
	if current != nil {
		lines = append(lines, "This terminal does not answer any more then.")
	}
	return strings.Join(append(lines, "Type the code that it shows. If you did not start it, deny."), "\n")
}

// showCode tells the person at the new terminal what to do elsewhere.
func (n *named) showCode(ctx context.Context, code []byte, place string) error {
	return n.with(ctx, func(ctx context.Context) error {
		defer n.terminal.interruptible(ctx)()
		return n.terminal.write(fmt.Sprintf("\nkeybroker: to let this terminal answer, type this code where keybroker asks for it (%s).\n  Code     %s\n",
			foreign(place, maxLong), spaced(code)))
	})
}

// ownCode is for a broker that can ask nobody else. That the code is typed shows
// that who reads this terminal also types on it, and no more.
func (n *named) ownCode(ctx context.Context, code []byte) (typed []byte, err error) {
	text := fmt.Sprintf("\nkeybroker: there is no other way to ask whether this terminal may answer.\n"+
		"Until keybroker approve ends, who types here allows uses of your keys and gives PINs.\n  Code     %s\n", spaced(code))
	err = n.with(ctx, func(ctx context.Context) error {
		typed, err = n.terminal.converse(ctx, true, text, "Type the code, or Enter for no: ")
		return err
	})
	if err == nil && len(bytes.TrimSpace(typed)) == 0 {
		err = fmt.Errorf("terminal: %w", ErrClosed)
	}
	return typed, err
}

// newCode is codeDigits decimal digits, all equally likely.
func newCode() ([]byte, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(codeDigits), nil)
	n, err := rand.Int(rand.Reader, limit)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%0*d", codeDigits, n), nil
}

// spaced is a code as a person reads it: "481 207".
func spaced(code []byte) string {
	return string(code[:codeDigits/2]) + " " + string(code[codeDigits/2:])
}

// digits are those of what was typed, with or without blanks.
func digits(typed []byte) []byte {
	return slices.DeleteFunc(bytes.TrimSpace(typed), func(b byte) bool { return b == ' ' || b == '-' })
}
