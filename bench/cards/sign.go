//go:build linux && cgo

package main

import (
	"crypto"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
	"github.com/keybroker/keybroker/piv/pivtest"
	"golang.org/x/crypto/ssh"
)

// A real card takes time for each command, a virtual one does not.
const (
	slowCard   = 2 * time.Millisecond
	slowRounds = 11
)

// signRows are filled by signatures, in this order.
func signRows() []gauge.Row {
	return []gauge.Row{
		{What: "sign, P-256", Unit: "ms", Peer: "ssh-agent, OpenSC"},
		{What: "sign, RSA-2048", Unit: "ms", Peer: "ssh-agent, OpenSC"},
		{What: "the broker's own share, P-256", Unit: "ms", Target: gauge.AtMost(1, "ms")},
		{What: "the broker's own share, RSA-2048", Unit: "ms", Target: gauge.AtMost(1, "ms")},
		{What: "commands to the card, P-256", Unit: "each", Peer: "ssh-agent, OpenSC"},
		{What: "commands to the card, RSA-2048", Unit: "each", Peer: "ssh-agent, OpenSC"},
		{What: "sign, P-256, 2 ms a command", Unit: "ms", Target: gauge.RatioAtMost(0.56), Peer: "ssh-agent, OpenSC"},
		{What: "sign, RSA-2048, 2 ms a command", Unit: "ms", Peer: "ssh-agent, OpenSC"},
	}
}

// signStand has one YubiKey with P-256 and one with RSA-2048, both in slot 9A: with
// OpenSC, ssh-agent signs with no other slot that needs a PIN.
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

// signatures gives keybroker and ssh-agent their turns, A B A B. Both hold the card in
// shared mode.
func (b *bench) signatures(rows []gauge.Row) error {
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
	// The first turns ask for the PIN and do not count.
	if err := b.turns(1, s, logins, old, our, make([]gauge.Row, len(rows))); err != nil {
		return err
	}
	if err := b.turns(b.rounds, s, logins, old, our, rows); err != nil {
		return err
	}
	for _, card := range s.cards {
		card.Slow(slowCard)
	}
	slow := make([]gauge.Row, len(rows))
	err = b.turns(min(b.rounds, slowRounds), s, logins, old, our, slow)
	for i := range logins {
		rows[6+i].Our, rows[6+i].Old = slow[i].Our, slow[i].Old
	}
	return err
}

// turns fills rows in the order of signRows, two for each measure.
func (b *bench) turns(rounds int, s *stand, logins []gauge.Login, old *gauge.Program, our *broker, rows []gauge.Row) error {
	for range rounds {
		for i, login := range logins {
			before, err := turn(old.Socket, login, s.cards[i])
			if err != nil {
				return fmt.Errorf("%s: ssh-agent: %w", rows[i].What, err)
			}
			now, share, err := our.share(login, s.cards[i])
			if err != nil {
				return fmt.Errorf("%s: keybroker: %w", rows[i].What, err)
			}
			rows[i].Add(now.median, before.median)
			rows[2+i].Add(share)
			rows[4+i].Add(now.each(), before.each())
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
