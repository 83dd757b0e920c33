package control

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/keybroker/keybroker/problem"
)

// Cards is what is known of smartcards.
type Cards struct {
	Service string   `json:"service"`       // "running", "not running", "not compiled in", …
	Why     string   `json:"why,omitempty"` // in the service's own words
	Readers []Reader `json:"readers"`       // what is in them
	Cards   []Card   `json:"cards"`         // PIV cards that are in, then those remembered

	// What was sent to cards since the start, and how long they took to answer.
	Exchanges      uint64  `json:"exchanges"`
	ExchangeTimeMS float64 `json:"exchange_time_ms"`
}

// Reader is one reader.
type Reader struct {
	Name    string `json:"name"`
	State   string `json:"state"` // "empty", "PIV card", "not a PIV card", …
	Problem string `json:"problem,omitempty"`
}

// Card is one PIV card. A card that is out has its keys only.
type Card struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Kind         string     `json:"kind,omitempty"` // "PIV", "YubiKey"
	In           bool       `json:"in"`
	Reader       string     `json:"reader,omitempty"`
	Serial       uint32     `json:"serial,omitempty"`
	Version      string     `json:"version,omitempty"`
	GUID         string     `json:"guid,omitempty"`
	FASCN        string     `json:"fasc_n,omitempty"`
	Expires      *time.Time `json:"expires,omitempty"`
	PINTries     *int       `json:"pin_tries,omitempty"`      // left; absent: the card does not say
	PINDefault   bool       `json:"pin_default,omitempty"`    // it is the factory's
	PINKeptUntil *time.Time `json:"pin_kept_until,omitempty"` // by the broker
	HeldOpen     bool       `json:"held_open,omitempty"`      // another program keeps the broker from taking its PIN back
	LastSeen     *time.Time `json:"last_seen,omitempty"`      // of a card that is out
	Slots        []CardSlot `json:"slots"`
	Problems     []string   `json:"problems,omitempty"`
}

// CardSlot is one slot that holds something.
type CardSlot struct {
	Slot        string     `json:"slot"` // "9a"
	Name        string     `json:"name"` // "PIV Authentication"
	Algorithm   string     `json:"algorithm,omitempty"`
	PublicKey   string     `json:"public_key,omitempty"` // authorized_keys line, without comment
	Fingerprint string     `json:"fingerprint,omitempty"`
	Listed      bool       `json:"listed"` // whether programs see it
	Subject     string     `json:"subject,omitempty"`
	Issuer      string     `json:"issuer,omitempty"`
	EKU         []string   `json:"eku,omitempty"`
	NotBefore   *time.Time `json:"not_before,omitempty"`
	NotAfter    *time.Time `json:"not_after,omitempty"`
	Expired     bool       `json:"expired,omitempty"`
	PIN         string     `json:"pin,omitempty"`    // "never", "once", "always"
	Touch       string     `json:"touch,omitempty"`  // "never", "always", "cached"; absent: not told
	Origin      string     `json:"origin,omitempty"` // "generated" on the card, or "imported"
	Problem     string     `json:"problem,omitempty"`
}

// CardHolder is the part of a Broker that knows cards.
type CardHolder interface {
	Cards() Cards
	RefreshCards(ctx context.Context) error // read the cards that are in again
	ForgetCard(id string) bool              // of a card that was remembered; false: there is none
}

func (s *Server) cards(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/cards", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.broker.Cards()) })
	mux.HandleFunc("POST /v1/cards/refresh", lasting(func(w http.ResponseWriter, r *http.Request) { done(w, s.broker.RefreshCards(r.Context())) }))
	mux.HandleFunc("DELETE /v1/cards/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !s.broker.ForgetCard(r.PathValue("id")) {
			fail(w, http.StatusNotFound, problem.New("no such card is remembered", "see: keybroker card list"))
			return
		}
		done(w, nil)
	})
}

// Cards asks for the cards that are in and those remembered.
func (c *Client) Cards(ctx context.Context) (Cards, error) { return get[Cards](ctx, c, "/v1/cards") }

// RefreshCards has the cards that are in read again, after one was changed.
func (c *Client) RefreshCards(ctx context.Context) error {
	return c.send(ctx, http.MethodPost, "/v1/cards/refresh", nil)
}

// ForgetCard drops what is remembered of a card.
func (c *Client) ForgetCard(ctx context.Context, id string) error {
	return c.send(ctx, http.MethodDelete, "/v1/cards/"+url.PathEscape(id), nil)
}
