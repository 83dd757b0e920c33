package control

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/keybroker/keybroker/problem"
)

// Cards is the state of the smartcards.
type Cards struct {
	Service string   `json:"service"`       // "running", "not running", "not compiled in", …
	Why     string   `json:"why,omitempty"` // in the service's words
	Readers []Reader `json:"readers"`
	Cards   []Card   `json:"cards"` // inserted PIV cards, then remembered ones

	// Commands sent to cards since the start, and how long the cards took to answer.
	Exchanges      uint64  `json:"exchanges"`
	ExchangeTimeMS float64 `json:"exchange_time_ms"`
}

// Reader is a smartcard reader.
type Reader struct {
	Name    string `json:"name"`
	State   string `json:"state"` // "empty", "PIV card", "not a PIV card", …
	Problem string `json:"problem,omitempty"`
}

// Card is a PIV card. Of a remembered card only the keys are known.
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
	PINTries     *int       `json:"pin_tries,omitempty"`      // tries left; absent: unknown
	PINDefault   bool       `json:"pin_default,omitempty"`    // the PIN is the factory default
	PINKeptUntil *time.Time `json:"pin_kept_until,omitempty"` // until when the broker keeps the PIN
	HeldOpen     bool       `json:"held_open,omitempty"`      // another program keeps the broker from resetting the PIN state
	LastSeen     *time.Time `json:"last_seen,omitempty"`      // only for a card that is not inserted
	Slots        []CardSlot `json:"slots"`
	Problems     []string   `json:"problems,omitempty"`
}

// CardSlot is a slot with a key or a certificate.
type CardSlot struct {
	Slot        string     `json:"slot"` // "9a"
	Name        string     `json:"name"` // "PIV Authentication"
	Algorithm   string     `json:"algorithm,omitempty"`
	PublicKey   string     `json:"public_key,omitempty"` // authorized_keys line, without comment
	Fingerprint string     `json:"fingerprint,omitempty"`
	Listed      bool       `json:"listed"` // clients see the key
	Subject     string     `json:"subject,omitempty"`
	Issuer      string     `json:"issuer,omitempty"`
	EKU         []string   `json:"eku,omitempty"`
	NotBefore   *time.Time `json:"not_before,omitempty"`
	NotAfter    *time.Time `json:"not_after,omitempty"`
	Expired     bool       `json:"expired,omitempty"`
	PIN         string     `json:"pin,omitempty"`    // "never", "once", "always"
	Touch       string     `json:"touch,omitempty"`  // "never", "always", "cached"; absent: unknown
	Origin      string     `json:"origin,omitempty"` // "generated" on the card, or "imported"
	Problem     string     `json:"problem,omitempty"`
}

// CardHolder is the part of a Broker that manages cards.
type CardHolder interface {
	Cards() Cards
	RefreshCards(ctx context.Context) error // read the inserted cards again
	ForgetCard(id string) bool              // forget a remembered card; false: there is none
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

// Cards asks for the inserted and the remembered cards.
func (c *Client) Cards(ctx context.Context) (Cards, error) { return get[Cards](ctx, c, "/v1/cards") }

// RefreshCards makes the broker read the inserted cards again, after a change.
func (c *Client) RefreshCards(ctx context.Context) error {
	return c.send(ctx, http.MethodPost, "/v1/cards/refresh", nil)
}

// ForgetCard makes the broker forget a remembered card.
func (c *Client) ForgetCard(ctx context.Context, id string) error {
	return c.send(ctx, http.MethodDelete, "/v1/cards/"+url.PathEscape(id), nil)
}
