package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/keybroker/keybroker/platform"
)

// Renaming is a change of a sealed key's name that a command is about to make. The
// broker only records it: the change itself needs the vault's secret.
type Renaming struct {
	Old string `json:"old"`
	New string `json:"new"` // equal to Old: the public half is rewritten
	// Vouched: only the person's word says that the key has this name.
	Vouched     bool   `json:"vouched,omitempty"`
	Fingerprint string `json:"fingerprint"` // as read from the sealed key
}

// Done describes the finished change.
func (r Renaming) Done() string {
	switch {
	case r.Vouched:
		return fmt.Sprintf("%q is now this key's name, as the person said", r.Old)
	case r.Old == r.New:
		return fmt.Sprintf("the public half of %q was rewritten", r.Old)
	}
	return fmt.Sprintf("%q is now called %q", r.Old, r.New)
}

// Recorder is the part of a Broker that records what commands do.
type Recorder interface {
	// RecordRename records a renaming. After an error the command must not rename.
	RecordRename(peer platform.Peer, renaming Renaming) error
	// RecordStep records a step in the life of a key that a command has taken.
	RecordStep(peer platform.Peer, step Step) (Recorded, error)
}

func (s *Server) recordRename(w http.ResponseWriter, r *http.Request) {
	var renaming Renaming
	if err := json.NewDecoder(r.Body).Decode(&renaming); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	done(w, s.broker.RecordRename(peerOf(r), renaming))
}

// RecordRename makes the broker record that a key gets another name.
func (c *Client) RecordRename(ctx context.Context, renaming Renaming) error {
	return c.send(ctx, http.MethodPost, "/v1/keys/renames", renaming)
}
