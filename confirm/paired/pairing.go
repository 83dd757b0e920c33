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
	"github.com/keybroker/keybroker/problem"
)

// Limits of pairing. A program that guesses has three chances in a million per
// minute, and the person sees each try.
const (
	// codeDigits is as many as a person remembers while typing (Bluetooth has six, too).
	codeDigits = 6
	// codeTries allows for two typing errors. Each try has a new code.
	codeTries = 3
	// codeTime is enough to walk to another screen in the same room.
	codeTime = 60 * time.Second
	// codeBlockTime is how long pairing is refused after codeTries wrong codes.
	codeBlockTime = time.Minute
)

// Why a terminal is not paired.
const (
	errWrongCode = confirm.Refusal("the code that was typed is not the one that was shown")
)

var errReplaced = fmt.Errorf("%w: another terminal was paired in its place", confirm.ErrTerminalGone)

// pairingTitle heads the question about a code.
const pairingTitle = "May a terminal answer for you?"

// Pair asks the person, through queue, whether the candidate may answer. If so, it
// returns when the pairing ends, with the reason: ctx ended, the terminal went away,
// or another one was paired. It always closes the terminal.
func (p *Paired) Pair(ctx context.Context, queue *confirm.Queue, candidate Candidate) error {
	n, err := newPairedTerminal(ctx, candidate, p.onQuestion)
	if err != nil {
		_ = candidate.Terminal.Close()
		return err
	}
	defer n.close()
	if err := p.beginPairing(); err != nil {
		return err
	}
	err = p.confirm(n.ctx, queue, n)
	p.endPairing(err)
	if err != nil {
		return notPaired(err)
	}
	p.install(n)
	defer p.remove(n)
	candidate.Started()
	<-n.ctx.Done()
	return n.endReason()
}

// beginPairing admits one terminal at a time.
func (p *Paired) beginPairing() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.refusal != nil:
		return p.refusal
	case p.busy:
		return problem.New("another terminal is being paired", "try again when that is done: keybroker status")
	case p.now().Before(p.blockedUntil):
		return problem.With(fmt.Errorf("too many wrong codes: no terminal is paired before %s", p.blockedUntil.Format(time.TimeOnly)), "try again then")
	}
	p.busy = true
	return nil
}

func (p *Paired) endPairing(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = false
	if errors.Is(err, errWrongCode) {
		p.blockedUntil = p.now().Add(codeBlockTime)
	}
}

func (p *Paired) install(n *pairedTerminal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		p.current.end(errReplaced)
	}
	n.since = p.now()
	p.current = n
}

func (p *Paired) remove(n *pairedTerminal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == n {
		p.current = nil
	}
}

// unconfirmedError is an error of Candidate.Confirmed, which is the caller's own.
type unconfirmedError struct{ error }

// notPaired is why no terminal was paired, for a person.
func notPaired(err error) error {
	if own, ok := errors.AsType[unconfirmedError](err); ok {
		return own.error
	}
	reason := errors.New(confirm.Reason(err))
	if remedy := problem.Remedy(err); remedy != "" {
		return problem.With(reason, "%s", remedy)
	}
	return reason
}

// confirm lets the person type the code, with codeTries tries.
func (p *Paired) confirm(ctx context.Context, queue *confirm.Queue, n *pairedTerminal) (err error) {
	use := &keys.Use{Op: keys.OpApprove, Peer: n.candidate.Peer, Time: p.now()}
	mistake := ""
	for range codeTries {
		var by confirmer
		err = queue.InTurn(ctx, pairingTitle, use, func(ctx context.Context) error {
			by = p.confirmer()
			return p.compare(ctx, n, by, confirm.SecretQuestion{Title: pairingTitle, Prompt: "Code:", Use: use, Error: mistake})
		})
		if err == nil {
			if err = n.candidate.Confirmed(by.where(), by.prompter == nil); err != nil {
				err = unconfirmedError{err}
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

// confirmer is where the code must be typed.
type confirmer struct {
	prompter confirm.Prompter // nil: the new terminal itself, as there is no other place
	replaced bool             // it is the paired terminal, which the new one replaces
}

// confirmer returns where the person is asked so far: the paired terminal, otherwise
// the configured prompt.
func (p *Paired) confirmer() confirmer {
	if current := p.currentTerminal(); current != nil {
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

// compare shows a new code on the candidate and checks what the person types.
func (p *Paired) compare(ctx context.Context, n *pairedTerminal, by confirmer, q confirm.SecretQuestion) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.codeTimeout, confirm.NoAnswerWithin(p.codeTimeout))
	defer cancel()
	code, err := newCode()
	if err != nil {
		return err
	}
	defer clear(code)
	typed, err := n.readCode(ctx, by, q, code)
	defer clear(typed)
	switch {
	case err != nil:
		return err
	case subtle.ConstantTimeCompare(digitsOf(typed), code) != 1:
		return errWrongCode
	}
	return n.checkPresence()
}

func (n *pairedTerminal) readCode(ctx context.Context, by confirmer, q confirm.SecretQuestion, code []byte) ([]byte, error) {
	if by.prompter == nil {
		return n.readOwnCode(ctx, code)
	}
	if err := n.showCode(ctx, code, by.where()); err != nil {
		return nil, err
	}
	q.Text = n.pairingText(by.replaced)
	return by.prompter.Secret(ctx, q)
}

// pairingText is shown where the code is typed. It says which program asks, as the
// kernel reports it; the programs' names are their own choice.
func (n *pairedTerminal) pairingText(replaces bool) string {
	peer := n.candidate.Peer
	lines := []string{"keybroker approve wants to answer on terminal " + n.name() + "."}
	where := fmt.Sprintf("Who: %s, pid %d", peer.Chain(), peer.PID)
	if peer.SSHLogin {
		where += ", through an ssh login"
	}
	lines = append(lines, where, "Until it ends, whoever types there can allow uses of your keys and enter PINs.")
	if replaces {
		lines = append(lines, "This terminal does not answer any more then.")
	}
	return strings.Join(append(lines, "Type the code that it shows. If you did not start it, deny."), "\n")
}

// showCode shows the code on the candidate, and where to type it.
func (n *pairedTerminal) showCode(ctx context.Context, code []byte, place string) error {
	return n.talk(ctx, func(ctx context.Context) error {
		return n.terminal.Say(ctx, fmt.Sprintf("\nkeybroker: to let this terminal answer, type this code where keybroker asks for it (%s).\n  Code     %s\n",
			confirm.Escape(place, confirm.MaxLong), spaced(code)))
	})
}

// readOwnCode has the code typed on the candidate itself, where there is no other
// place. It proves only that whoever reads the terminal also types on it.
func (n *pairedTerminal) readOwnCode(ctx context.Context, code []byte) (typed []byte, err error) {
	text := fmt.Sprintf("\nkeybroker: there is no other way to ask whether this terminal may answer.\n"+
		"Until keybroker approve ends, whoever types here can allow uses of your keys and enter PINs.\n  Code     %s\n", spaced(code))
	err = n.talk(ctx, func(ctx context.Context) error {
		typed, err = n.terminal.ReadLine(ctx, text, "Type the code, or Enter for no: ")
		return err
	})
	if err == nil && len(bytes.TrimSpace(typed)) == 0 {
		err = confirm.ErrClosed
	}
	return typed, err
}

// newCode returns codeDigits random decimal digits.
func newCode() ([]byte, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(codeDigits), nil)
	n, err := rand.Int(rand.Reader, limit)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%0*d", codeDigits, n), nil
}

// spaced writes a code for reading: "481 207".
func spaced(code []byte) string {
	return string(code[:codeDigits/2]) + " " + string(code[codeDigits/2:])
}

// digitsOf drops blanks and hyphens from what was typed.
func digitsOf(typed []byte) []byte {
	return slices.DeleteFunc(bytes.TrimSpace(typed), func(b byte) bool { return b == ' ' || b == '-' })
}
