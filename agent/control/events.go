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
	// minInterval is the shortest time between two events of a stream. A person sees
	// no more, and many requests must not become many events.
	minInterval = 100 * time.Millisecond
	// maxInterval is how late an event may be for changes that nobody reports: a
	// grant expires, a disk fills up.
	maxInterval = 10 * time.Second
	// maxRecent is how many old records the first event has.
	maxRecent = 5
)

// Event is the state of the broker, and what was written to the audit log since the
// last event.
type Event struct {
	Status  Status         `json:"status"`
	Grants  []policy.Grant `json:"grants"`
	Waiting []Waiting      `json:"waiting"`
	Notices []string       `json:"notices"` // what the person must do: "Touch YubiKey 12345678"
	Records []audit.Record `json:"records"` // oldest first; in the first event, the latest signatures
}

// events sends one event at once and one after each change, a line each, until the
// follower hangs up.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if !s.feed.follow() {
		fail(w, http.StatusServiceUnavailable, fmt.Errorf("%d programs follow the broker already", MaxFollowers))
		return
	}
	defer s.feed.leave()
	_, unwatch := s.broker.Watch() // a follower tells the person about held requests
	defer unwatch()
	stream := http.NewResponseController(w)
	_, last, changed := s.feed.since(0)
	var fresh []audit.Record
	recent := s.recent()
	var read uint64 // the feed repeats records that recent has read already
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

// waitFor waits for minInterval, and then for a change or maxInterval. It returns
// false when ctx ends.
func waitFor(ctx context.Context, changed <-chan struct{}) bool {
	pause := time.NewTimer(minInterval)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return false
	}
	pause.Reset(maxInterval)
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

// recent returns the latest signatures in the log.
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

// Events yields events until ctx or the connection ends; the last error says which.
// It wraps ErrNotRunning if there is no broker.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		body, err := c.do(ctx, http.MethodGet, "/v1/events", nil)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer body.Close()
		for decoder := json.NewDecoder(body); ; {
			var event Event
			if err := decoder.Decode(&event); err != nil {
				yield(Event{}, notRunning(err))
				return
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}
