//go:build linux && cgo

package main

import (
	"crypto"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
	"github.com/keybroker/keybroker/piv/pivtest"
	"golang.org/x/crypto/ssh"
)

// signTime is one turn of one program, equal for all: what else the machine
// does then falls on all alike.
const signTime = 200 * time.Millisecond

// signRows are filled by signatures, in this order.
func signRows() []row {
	return []row{
		{what: "sign, P-256", unit: "ms", target: gauge.RatioAtMost(0.6), peer: "ssh-agent, OpenSC"},
		{what: "sign, RSA-2048", unit: "ms", peer: "ssh-agent, OpenSC"},
		{what: "the broker's own share, P-256", unit: "ms", target: gauge.AtMost(1, "ms")},
		{what: "the broker's own share, RSA-2048", unit: "ms", target: gauge.AtMost(1, "ms")},
		{what: "commands to the card, P-256", unit: "each"},
		{what: "commands to the card, RSA-2048", unit: "each"},
	}
}

// signStand has one YubiKey with P-256 and one with RSA-2048, both in slot 9A:
// ssh-agent with OpenSC signs with no other that wants a PIN.
func signStand() (*stand, []gauge.Login, error) {
	s, err := newStand(nil, pivtest.AlgP256, pivtest.AlgRSA2048)
	if err != nil {
		return nil, nil, err
	}
	p256, err1 := login(s.cards[0].PublicKey(0x9a), ssh.KeyAlgoECDSA256, 0)
	rsa, err2 := login(s.cards[1].PublicKey(0x9a), ssh.KeyAlgoRSASHA512, gauge.FlagSHA512)
	if err := errors.Join(err1, err2); err != nil {
		s.close()
		return nil, nil, err
	}
	return s, []gauge.Login{p256, rsa}, nil
}

// login is a request to sign one.
func login(public crypto.PublicKey, algorithm string, flags uint32) (gauge.Login, error) {
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return gauge.Login{}, err
	}
	return gauge.NewLogin(key, algorithm, flags), nil
}

// signatures gives keybroker and ssh-agent their turns: A B A B. Both hold the
// card, shared.
func (b *bench) signatures(rows []row) error {
	s, logins, err := signStand()
	if err != nil {
		return err
	}
	defer s.close()
	old, err := s.sshAgent(b.options)
	if err != nil {
		return err
	}
	our, err := s.broker(b.keybroker)
	if err != nil {
		return err
	}
	for round := -1; round < b.rounds; round++ { // the first gives the PIN
		for i, login := range logins {
			before, err := signFor(old.Socket, login)
			if err != nil {
				return fmt.Errorf("%s: ssh-agent: %w", rows[i].what, err)
			}
			now, share, sent, err := our.share(login)
			if err != nil {
				return fmt.Errorf("%s: keybroker: %w", rows[i].what, err)
			}
			if round >= 0 {
				rows[i].add(now, before)
				rows[2+i].add(share)
				rows[4+i].add(sent)
			}
			if err := b.ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// sshAgent starts ssh-agent and gives it the card through OpenSC.
func (s *stand) sshAgent(o options) (*gauge.Program, error) {
	program, err := gauge.Start(gauge.SSHAgent(o.sshAgent).With(s.env()...))
	if err != nil {
		return nil, err
	}
	s.ends = append(s.ends, program.Stop)
	cmd := exec.Command(o.sshAdd, "-s", o.opensc)
	cmd.Env = append(append(os.Environ(), s.env()...), "SSH_AUTH_SOCK="+program.Socket)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ssh-add -s %s: %w\n%s", o.opensc, err, out)
	}
	return program, nil
}

// signFor signs for one turn and returns the median in ms.
func signFor(socket string, login gauge.Login) (float64, error) {
	took, err := turn(socket, login)
	if err != nil {
		return 0, err
	}
	return ms(gauge.Quantile(took, 0.5)), nil
}

// turn signs on one connection, one after the other, for signTime, and verifies
// the last signature when no time is taken.
func turn(socket string, login gauge.Login) (took []time.Duration, err error) {
	c, err := gauge.Dial(socket, make([]byte, gauge.ReplyBytes))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var reply []byte
	for end := time.Now().Add(signTime); time.Now().Before(end) || len(took) == 0; {
		begin := time.Now()
		reply, err = c.Ask(login.Sign)
		took = append(took, time.Since(begin))
		if err != nil {
			return nil, err
		}
	}
	return took, login.Verify(slices.Clone(reply))
}

// share is one turn of keybroker: the median in ms, and for a signature on
// average what was not spent in exchanges with the card, and their number.
func (b *broker) share(login gauge.Login) (median, share, sent float64, err error) {
	before, err := b.exchanges()
	if err != nil {
		return 0, 0, 0, err
	}
	took, err := turn(b.Socket, login)
	if err != nil {
		return 0, 0, 0, err
	}
	after, err := b.exchanges()
	var whole time.Duration
	for _, one := range took {
		whole += one
	}
	n := float64(len(took))
	return ms(gauge.Quantile(took, 0.5)), ms(whole-(after.took-before.took)) / n, float64(after.count-before.count) / n, err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
