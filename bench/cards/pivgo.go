//go:build linux && cgo

package main

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-piv/piv-go/v2/piv"
	"github.com/keybroker/keybroker/bench/internal/gauge"
	"github.com/keybroker/keybroker/piv/pivtest"
)

// besideRounds is low: each round waits until the broker has released the card.
const besideRounds = 15

func besideRows() []gauge.Row {
	return []gauge.Row{
		{What: "sign, P-256", Unit: "ms", Peer: "piv-go"},
		{What: "sign, RSA-2048", Unit: "ms", Peer: "piv-go"},
		{What: "card free after the last signature", Unit: "ms", Target: gauge.AtMost(2000, "ms")},
		{What: "commands to the card, P-256", Unit: "each", Peer: "piv-go"},
		{What: "commands to the card, RSA-2048", Unit: "each", Peer: "piv-go"},
	}
}

// besidePIVGo gives keybroker and piv-go their turns. piv-go is a library in this
// process, without an agent. It holds the card exclusively, so it waits until the broker
// has released it.
func (b *bench) besidePIVGo(rows []gauge.Row) error {
	s, logins, err := signStand()
	if err != nil {
		return err
	}
	defer s.close()
	// libpcsclite reads it once: this is the only use of the card by this process.
	if err := os.Setenv("PCSCLITE_CSOCK_NAME", s.rig.Socket); err != nil {
		return err
	}
	our, err := s.broker(b.keybroker)
	if err != nil {
		return err
	}
	for range min(b.rounds, besideRounds) {
		var now [2]result
		for i, login := range logins {
			if now[i], err = turn(our.Socket, login, s.cards[i]); err != nil {
				return fmt.Errorf("%s: keybroker: %w", rows[i].What, err)
			}
		}
		begin, last := time.Now(), len(logins)-1
		free, err := until("the card is free", func() (bool, error) {
			users, err := s.rig.Users(last)
			return users == 0, err
		})
		if err != nil {
			return err
		}
		rows[2].Add(ms(free.Sub(begin)))
		for i, card := range s.cards {
			then, err := pivGoTurn(s.rig.Slot(i).Reader, card)
			if err != nil {
				return fmt.Errorf("%s: piv-go: %w", rows[i].What, err)
			}
			rows[i].Add(now[i].median, then.median)
			rows[3+i].Add(now[i].each(), then.each())
		}
		if err := b.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// pivGoTurn does not count the time to open and close the card.
func pivGoTurn(reader string, card *pivtest.Card) (r result, err error) {
	yk, err := piv.Open(reader)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, yk.Close()) }()
	key, err := yk.PrivateKey(piv.SlotAuthentication, card.PublicKey(0x9a), piv.KeyAuth{PIN: pivtest.DefaultPIN, PINPolicy: piv.PINPolicyOnce})
	if err != nil {
		return r, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return r, fmt.Errorf("%T does not sign", key)
	}
	digest := sha256.Sum256(nil)
	return timed(card, func() error {
		_, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
		return err
	})
}
