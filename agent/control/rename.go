package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/keybroker/keybroker/platform"
)

// Renaming is what a command is about to do to the files of a sealed key, for
// the record. The broker does not do it: it takes the vault's secret.
type Renaming struct {
	Old string `json:"old"`
	New string `json:"new"` // equal to Old: the public half is written anew
	// Vouched says that only the person's word proves that the key has this name.
	Vouched     bool   `json:"vouched,omitempty"`
	Fingerprint string `json:"fingerprint"` // as the command read it from the sealed key
}

// Done says what was done.
func (r Renaming) Done() string {
	switch {
	case r.Vouched:
		return fmt.Sprintf("%q is this key's name from now on, as the person said", r.Old)
	case r.Old == r.New:
		return fmt.Sprintf("the public half of %q is written anew", r.Old)
	}
	return fmt.Sprintf("%q is called %q from now on", r.Old, r.New)
}

// Recorder is the part of a Broker that writes down what commands do.
type Recorder interface {
	// Renames writes a renaming down; with an error it must not be done.
	Renames(peer platform.Peer, renaming Renaming) error
}

func (s *Server) renames(w http.ResponseWriter, r *http.Request) {
	var renaming Renaming
	if err := json.NewDecoder(r.Body).Decode(&renaming); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	done(w, s.broker.Renames(peerOf(r), renaming))
}

// Renames has a running broker write down that a key gets another name.
func (c *Client) Renames(ctx context.Context, renaming Renaming) error {
	return c.send(ctx, http.MethodPost, "/v1/keys/renames", renaming)
}
