package paired

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

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/ways"
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
const (
	errWrongCode = confirm.Refusal("the code that was typed is not the one that was shown")
	// errNotPaired is wrapped around what Seat.Paired found wrong.
	errNotPaired = confirm.Refusal("the terminal is not paired")
)

var errReplaced = fmt.Errorf("%w: another terminal was paired in its place", confirm.ErrTerminalGone)

// pairingTitle heads the question about a code.
const pairingTitle = "May a terminal answer for you?"

// Pair asks through queue whether the terminal of seat may answer, and then
// returns only when it answers no more, with the reason: ctx ended, it went away,
// or another one was paired. It closes the terminal.
func (p *Paired) Pair(ctx context.Context, queue *confirm.Queue, seat Seat) error {
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
		return errors.New(confirm.Reason(err))
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
func (p *Paired) confirm(ctx context.Context, queue *confirm.Queue, n *named) (err error) {
	use := &keys.Use{Op: keys.OpApprove, Peer: n.seat.Peer, Time: p.now()}
	mistake := ""
	for range codeTries {
		var by confirmer
		err = queue.InTurn(ctx, pairingTitle, use, func(ctx context.Context) error {
			by = p.confirmer()
			return p.compare(ctx, n, by, confirm.SecretQuestion{Title: pairingTitle, Prompt: "Code:", Use: use, Error: mistake})
		})
		if err == nil {
			if err = n.seat.Paired(by.where(), by.prompter == nil); err != nil {
				err = fmt.Errorf("%w: %w", errNotPaired, err)
			}
			return err
		}
		if !errors.Is(err, errWrongCode) {
			return err
		}
		mistake = "That is not the code. There is a new one."
	}
	return err
}

// confirmer is where the code is typed.
type confirmer struct {
	prompter confirm.Prompter // nil: nobody but the new terminal can be asked
	replaced bool             // it is the terminal that answers now, and will not any more
}

// confirmer is where the person is asked already: the terminal that is paired now,
// else the other way.
func (p *Paired) confirmer() confirmer {
	if current := p.named(); current != nil {
		return confirmer{prompter: current, replaced: true}
	}
	if _, nothing := p.way.(ways.None); nothing {
		return confirmer{}
	}
	return confirmer{prompter: p.way}
}

func (c confirmer) where() string {
	if c.prompter == nil {
		return "that terminal itself: there was no other way to ask"
	}
	return c.prompter.Name()
}

// compare shows a new code on the terminal that is to be paired, and has it typed.
func (p *Paired) compare(ctx context.Context, n *named, by confirmer, q confirm.SecretQuestion) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.patience, confirm.NoAnswerWithin(p.patience))
	defer cancel()
	code, err := newCode()
	if err != nil {
		return err
	}
	defer clear(code)
	typed, err := n.typed(ctx, by, q, code)
	defer clear(typed)
	switch {
	case err != nil:
		return err
	case subtle.ConstantTimeCompare(digits(typed), code) != 1:
		return errWrongCode
	}
	return n.here()
}

func (n *named) typed(ctx context.Context, by confirmer, q confirm.SecretQuestion, code []byte) ([]byte, error) {
	if by.prompter == nil {
		return n.ownCode(ctx, code)
	}
	if err := n.showCode(ctx, code, by.where()); err != nil {
		return nil, err
	}
	q.Text = n.pairingText(by.replaced)
	return by.prompter.Secret(ctx, q)
}

// pairingText is shown where the code is typed. It says who wants it: the kernel's
// word, and of the programs what they are called.
func (n *named) pairingText(replaces bool) string {
	peer := n.seat.Peer
	lines := []string{"keybroker approve wants to answer on terminal " + n.name() + "."}
	where := fmt.Sprintf("Who: %s, pid %d", peer.Chain(), peer.PID)
	if peer.SSHLogin {
		where += ", through an ssh login"
	}
	lines = append(lines, where, "Until it ends, who types there allows uses of your keys and gives PINs.")
	if replaces {
		lines = append(lines, "This terminal does not answer any more then.")
	}
	return strings.Join(append(lines, "Type the code that it shows. If you did not start it, deny."), "\n")
}

// showCode tells the person at the new terminal what to do elsewhere.
func (n *named) showCode(ctx context.Context, code []byte, place string) error {
	return n.with(ctx, func(ctx context.Context) error {
		return n.terminal.Say(ctx, fmt.Sprintf("\nkeybroker: to let this terminal answer, type this code where keybroker asks for it (%s).\n  Code     %s\n",
			confirm.Escape(place, confirm.MaxLong), spaced(code)))
	})
}

// ownCode is for a broker that can ask nobody else. That the code is typed shows
// that who reads this terminal also types on it, and no more.
func (n *named) ownCode(ctx context.Context, code []byte) (typed []byte, err error) {
	text := fmt.Sprintf("\nkeybroker: there is no other way to ask whether this terminal may answer.\n"+
		"Until keybroker approve ends, who types here allows uses of your keys and gives PINs.\n  Code     %s\n", spaced(code))
	err = n.with(ctx, func(ctx context.Context) error {
		typed, err = n.terminal.ReadLine(ctx, text, "Type the code, or Enter for no: ")
		return err
	})
	if err == nil && len(bytes.TrimSpace(typed)) == 0 {
		err = fmt.Errorf("terminal: %w", confirm.ErrClosed)
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
