package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/wire"
)

// Sign implements keys.Source. Each signature uses a new connection. On it, we
// repeat our client's session bindings verbatim and in order, so that the other
// agent judges as if the client had connected to it. One client's bindings never
// count for another.
func (s *Source) Sign(ctx context.Context, use *keys.Use, data []byte, algorithm string) (*ssh.Signature, error) {
	if _, found := s.Find(use.Key.Blob); !found {
		return nil, s.wrap(fmt.Errorf("sign: %w", keys.ErrNotFound))
	}
	conn, release, err := s.open(ctx)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer release()
	for _, contents := range use.Bindings {
		// A failure reply is harmless. An agent that does not know session-bind has
		// no constraints that need it; an agent that rejects the binding refuses
		// the signatures that need it.
		if _, err := exchange(conn, wire.Extension{Name: wire.ExtSessionBind, Contents: contents}); err != nil {
			return nil, s.wrap(explain(err))
		}
	}
	reply, err := exchange(conn, wire.SignRequest{KeyBlob: use.Key.Blob, Data: data, Flags: flags(algorithm)})
	if err != nil {
		return nil, s.wrap(explain(err))
	}
	signature, err := signatureOf(reply)
	if err == nil {
		err = s.checkAlgorithm(signature, algorithm)
	}
	if err != nil {
		return nil, s.wrap(err)
	}
	return signature, nil
}

// SignAsking implements keys.Asker. It fails if the agent is away, so that the
// person is not asked in vain.
func (s *Source) SignAsking(ctx context.Context, _ *keys.Use, _ string, _ []byte, _ string) (*ssh.Signature, string, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, "", s.wrap(err)
	}
	conn.Close()
	return nil, "", keys.ErrNotAsked
}

// open is dial for slow requests. They end with ctx.
func (s *Source) open(ctx context.Context) (net.Conn, func(), error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(signTimeout)); err != nil {
		conn.Close()
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return conn, func() { stop(); conn.Close() }, nil
}

func exchange(conn net.Conn, request wire.Request) (wire.Reply, error) {
	return exchangeMessage(conn, request.Marshal())
}

func exchangeMessage(conn net.Conn, message []byte) (wire.Reply, error) {
	if err := wire.WriteFrame(conn, message); err != nil {
		return nil, err
	}
	answer, err := wire.ReadFrame(conn)
	if err != nil {
		return nil, err
	}
	reply, _, err := wire.ReplyAndRest(answer)
	return reply, err
}

func explain(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return problem.With(fmt.Errorf("it does not answer within %v", signTimeout), "see what it does")
	}
	return fmt.Errorf("the connection broke: %w", err)
}

func signatureOf(reply wire.Reply) (*ssh.Signature, error) {
	response, ok := reply.(wire.SignResponse)
	if !ok {
		return nil, problem.New("the other agent refused to sign", "ask it why: its own prompt, log or constraints")
	}
	signature := new(ssh.Signature)
	if err := ssh.Unmarshal(response.Signature, signature); err != nil {
		return nil, fmt.Errorf("the other agent's signature cannot be read: %w", err)
	}
	return signature, nil
}

// flags ask for the algorithm (RFC 9987 section 5.6.1).
func flags(algorithm string) wire.SignatureFlags {
	switch algorithm {
	case ssh.KeyAlgoRSASHA256:
		return wire.FlagRSASHA2_256
	case ssh.KeyAlgoRSASHA512:
		return wire.FlagRSASHA2_512
	}
	return 0
}
