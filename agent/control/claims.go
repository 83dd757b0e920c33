package control

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Claim is what the person said of one key, which need not be in the list any more.
type Claim struct {
	Fingerprint string `json:"fingerprint"`
	keys.Claim
}

// Annotation is a change of a Claim. A nil field stays as it is; an empty one is cleared.
type Annotation struct {
	Fingerprint string     `json:"fingerprint"`
	Owner       *string    `json:"owner,omitempty"`
	Purpose     *string    `json:"purpose,omitempty"`
	Ticket      *string    `json:"ticket,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`
}

// Apply returns the claim after the change. That a key has expired stays, unless it may be
// used longer from now on.
func (a Annotation) Apply(claim keys.Claim) keys.Claim {
	next := claim
	set := func(field, value *string) {
		if value != nil {
			*field = *value
		}
	}
	set(&next.Owner, a.Owner)
	set(&next.Purpose, a.Purpose)
	set(&next.Ticket, a.Ticket)
	if a.Expires != nil {
		next.Expires = a.Expires.UTC().Truncate(time.Second)
	}
	if claim.Longer(next) {
		next.Expired = time.Time{}
	}
	return next
}

// Annotator is the part of a Broker that keeps what the person says of keys.
type Annotator interface {
	Claims() []Claim
	// Annotate changes a claim, and returns the new one. If the key may be used longer
	// afterwards, it asks the person until ctx ends.
	Annotate(ctx context.Context, peer platform.Peer, change Annotation) (Claim, error)
}

func (s *Server) claims(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/claims", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.broker.Claims()) })
	mux.HandleFunc("POST /v1/claims", lasting(s.annotate))
}

func (s *Server) annotate(w http.ResponseWriter, r *http.Request) {
	var change Annotation
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	claim, err := s.broker.Annotate(r.Context(), peerOf(r), change)
	if err != nil {
		failed(w, err)
		return
	}
	reply(w, claim)
}

// Claims asks for what the person said of keys, in the order of the fingerprints.
func (c *Client) Claims(ctx context.Context) ([]Claim, error) {
	return get[[]Claim](ctx, c, "/v1/claims")
}

// Annotate changes what is said of a key. It waits for the person if the key may be used
// longer afterwards.
func (c *Client) Annotate(ctx context.Context, change Annotation) (claim Claim, err error) {
	body, err := json.Marshal(change)
	if err != nil {
		return Claim{}, err
	}
	err = c.call(ctx, http.MethodPost, "/v1/claims", body, &claim)
	return claim, err
}
