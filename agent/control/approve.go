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
	// Approve asks the person whether peer's terminal may answer, calls answers
	// when it does, and returns when it does no more, with the reason. It ends with ctx.
	Approve(ctx context.Context, peer platform.Peer, answers func()) error
}

// approving is one line of the answer to approve: first that the terminal
// answers, then why it does no more.
type approving struct {
	Ended *Failure `json:"ended,omitempty"`
}

// approve lasts as long as its connection: with that, the terminal's time ends.
// No answer to a question comes this way; the broker reads them from the terminal.
func (s *Server) approve(w http.ResponseWriter, r *http.Request) {
	stream, encoder := http.NewResponseController(w), json.NewEncoder(w)
	began := false
	err := s.broker.Approve(r.Context(), peerOf(r), func() {
		began = true
		_ = encoder.Encode(approving{})
		_ = stream.Flush()
	})
	if !began {
		done(w, err)
		return
	}
	ended := failureOf(err)
	_ = encoder.Encode(approving{&ended})
}

// Approve asks that the terminal of this process may answer. It calls answers when
// it does, and returns why it does no more. It lasts until then or until ctx ends.
func (c *Client) Approve(ctx context.Context, answers func()) error {
	body, err := c.do(ctx, http.MethodPost, "/v1/terminal", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	for decoder := json.NewDecoder(body); ; answers() {
		var line approving
		if err := decoder.Decode(&line); err != nil {
			return hungUp(err)
		}
		if line.Ended != nil {
			return line.Ended.err()
		}
	}
}
