package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
)

const (
	// breath is the least time between two events of one stream: a person sees
	// no more, and a storm of requests must not become one of events.
	breath = 100 * time.Millisecond
	// refresh is how late what changes by itself may be told: the end of a
	// grant, a disk that fills up.
	refresh = 10 * time.Second
	// maxRecent is how many old records the first event holds.
	maxRecent = 5
)

// Event is the state of the broker at one moment, and what was written to the
// audit log since the event before.
type Event struct {
	Status  Status         `json:"status"`
	Grants  []policy.Grant `json:"grants"`
	Waiting []Waiting      `json:"waiting"`
	Notices []string       `json:"notices"` // what waits for a hand: "Touch YubiKey 12345678"
	Records []audit.Record `json:"records"` // oldest first; in the first event the last uses
}

// events sends an event a line, one at once and one after each change, until
// the follower hangs up.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if !s.feed.follow() {
		fail(w, http.StatusServiceUnavailable, fmt.Errorf("%d programs follow the broker already", MaxFollowers))
		return
	}
	defer s.feed.leave()
	_, unwatch := s.broker.Watch() // who follows tells the person of what is held
	defer unwatch()
	stream := http.NewResponseController(w)
	_, last, changed := s.feed.since(0)
	var fresh []audit.Record
	recent := s.recent()
	var read uint64 // what was written meanwhile is read here, and told again by the feed
	if len(recent) > 0 {
		read = recent[len(recent)-1].Seq
	}
	var before []byte
	for {
		event := s.event()
		event.Records = append(recent, fresh...)
		line, err := json.Marshal(event)
		if err != nil {
			return
		}
		if !bytes.Equal(line, before) {
			if _, err := w.Write(append(line, '\n')); err != nil || stream.Flush() != nil {
				return
			}
		}
		recent, event.Records = nil, nil
		before, _ = json.Marshal(event)
		if !waitFor(r.Context(), changed) {
			return
		}
		fresh, last, changed = s.feed.since(last)
		fresh = slices.DeleteFunc(fresh, func(r audit.Record) bool { return r.Seq <= read })
	}
}

// waitFor takes a breath, and then waits for a change or a refresh.
func waitFor(ctx context.Context, changed <-chan struct{}) bool {
	pause := time.NewTimer(breath)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return false
	}
	pause.Reset(refresh)
	select {
	case <-pause.C:
	case <-changed:
	case <-ctx.Done():
		return false
	}
	return true
}

func (s *Server) event() Event {
	return Event{Status: s.broker.Status(), Grants: s.broker.Grants(), Waiting: s.broker.Waiting(), Notices: s.broker.Notices()}
}

// recent are the last uses of keys in the log.
func (s *Server) recent() []audit.Record {
	var list []audit.Record
	for record, err := range audit.Read(s.broker.AuditDir(), audit.Filter{Ops: []keys.Op{keys.OpSign}, Last: maxRecent}) {
		if err != nil {
			s.log.Warn("the audit log cannot be read", "error", err)
			break
		}
		list = append(list, record)
	}
	return slices.Clip(list)
}

// Events follows the broker until ctx ends or the connection does; the error
// says which. It wraps ErrNotRunning when there is no broker.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		body, err := c.open(ctx, "/v1/events")
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer body.Close()
		for decoder := json.NewDecoder(body); ; {
			var event Event
			if err := decoder.Decode(&event); err != nil {
				yield(Event{}, hungUp(err))
				return
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}
