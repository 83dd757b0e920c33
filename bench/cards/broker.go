//go:build linux && cgo

package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/bench/internal/gauge"
	"github.com/keybroker/keybroker/piv/pivtest"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// broker is a running keybroker.
type broker struct {
	*gauge.Program
	list    sshagent.Agent
	control *control.Client
}

func newBroker(program *gauge.Program) (*broker, error) {
	conn, err := net.Dial("unix", program.Socket) // closed by the program's end
	if err != nil {
		return nil, err
	}
	control := control.NewClient(filepath.Join(filepath.Dir(program.Socket), "control.sock"))
	return &broker{program, sshagent.NewClient(conn), control}, nil
}

// isIn reports whether the agent lists the key in slot 9A of an inserted card.
func (b *broker) isIn(card *pivtest.Card) (bool, error) {
	public, err := ssh.NewPublicKey(card.PublicKey(0x9a))
	if err != nil {
		return false, err
	}
	keys, err := b.list.List()
	for _, key := range keys {
		if bytes.Equal(key.Blob, public.Marshal()) {
			return !strings.HasPrefix(key.Comment, "insert card"), nil
		}
	}
	return false, err
}

func (b *broker) await(card *pivtest.Card, in bool) error {
	_, err := until("the broker has seen the card", func() (bool, error) {
		is, err := b.isIn(card)
		return is == in, err
	})
	return err
}

// exchanges are the commands that were sent to cards so far.
type exchanges struct {
	count uint64
	took  time.Duration
}

func (b *broker) exchanges() (exchanges, error) {
	cards, err := b.control.Cards(context.Background())
	took := time.Duration(cards.ExchangeTimeMS * float64(time.Millisecond))
	return exchanges{cards.Exchanges, took}, err
}
