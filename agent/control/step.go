package control

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/keybroker/keybroker/agent/audit"
)

// Step is what RecordStep records.
type Step = audit.Step

// Recorded is the place of a record in the chain of the audit log.
type Recorded struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"` // in hex
}

func (s *Server) recordStep(w http.ResponseWriter, r *http.Request) {
	var step Step
	if err := json.NewDecoder(r.Body).Decode(&step); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	recorded, err := s.broker.RecordStep(peerOf(r), step)
	if err != nil {
		failed(w, err)
		return
	}
	reply(w, recorded)
}

// RecordStep makes the broker record a step in the life of a key, and returns the number
// and the hash of the record. After an error there is no record. Plan and Step are
// identifiers (letters, digits, ".", "_", "-"), Kind and State words in small letters.
// Texts longer than a record has room for are cut. The broker takes some thousand steps
// at once (agent.stepBurst), then one a second.
func (c *Client) RecordStep(ctx context.Context, step Step) (seq uint64, hash string, err error) {
	body, err := json.Marshal(step)
	if err != nil {
		return 0, "", err
	}
	var recorded Recorded
	err = c.call(ctx, http.MethodPost, "/v1/lifecycle/steps", body, &recorded)
	return recorded.Seq, recorded.Hash, err
}
