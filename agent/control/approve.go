package control

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// Approval is a terminal that answers questions.
type Approval struct {
	Terminal string    `json:"terminal"` // "pts/3"
	PID      int       `json:"pid"`      // of keybroker approve
	Program  string    `json:"program"`  // escaped: "keybroker ← bash ← sshd"
	Since    time.Time `json:"since"`
}

// Approver is the part of a Broker that lets a terminal answer.
type Approver interface {
	// Approve asks the person whether peer's terminal may answer questions. It calls
	// answers once the terminal does. It returns why the terminal no longer answers,
	// at the latest when ctx ends.
	Approve(ctx context.Context, peer platform.Peer, answers func()) error
}

// approving is a line of the reply to Approve. The first line says that the terminal
// answers; the last, with Ended, why it no longer does.
type approving struct {
	Ended *Failure `json:"ended,omitempty"`
}

// approve lets the terminal answer for as long as the connection lasts. The broker
// reads the answers from the terminal, never from this connection.
func (s *Server) approve(w http.ResponseWriter, r *http.Request) {
	stream, encoder := http.NewResponseController(w), json.NewEncoder(w)
	started := false
	err := s.broker.Approve(r.Context(), peerOf(r), func() {
		started = true
		_ = encoder.Encode(approving{})
		_ = stream.Flush()
	})
	if !started {
		done(w, err)
		return
	}
	ended := failureOf(err)
	_ = encoder.Encode(approving{&ended})
}

// Approve asks whether the terminal of this process may answer questions. It calls
// answers once the terminal does, and returns why it no longer does, at the latest
// when ctx ends.
func (c *Client) Approve(ctx context.Context, answers func()) error {
	body, err := c.do(ctx, http.MethodPost, "/v1/terminal", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	for decoder := json.NewDecoder(body); ; answers() {
		var line approving
		if err := decoder.Decode(&line); err != nil {
			return notRunning(err)
		}
		if line.Ended != nil {
			return line.Ended.err()
		}
	}
}
