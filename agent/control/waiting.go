package control

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/keybroker/keybroker/problem"
)

// waiting lists what waits for the person; with ?follow=1 it goes on with a list
// a line whenever one changes. Who follows must tell the person of what is held.
func (s *Server) waiting(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("follow") == "" {
		reply(w, s.broker.Waiting())
		return
	}
	changed, stop := s.broker.Watch()
	defer stop()
	encoder, flush := json.NewEncoder(w), http.NewResponseController(w)
	for {
		if encoder.Encode(s.broker.Waiting()) != nil || flush.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// show has a held request asked. It answers nothing: the person does.
func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	if !s.broker.Show(r.PathValue("id")) {
		fail(w, http.StatusNotFound, problem.New("no such request is held", "see: keybroker show --list"))
		return
	}
	done(w, nil)
}

// Waiting asks for the requests that wait for the person.
func (c *Client) Waiting(ctx context.Context) ([]Waiting, error) {
	return get[[]Waiting](ctx, c, "/v1/waiting")
}

// Show has a held request asked, or with "" the oldest.
func (c *Client) Show(ctx context.Context, id string) error {
	path := "/v1/waiting/show"
	if id != "" {
		path = "/v1/waiting/" + url.PathEscape(id) + "/show"
	}
	return c.send(ctx, http.MethodPost, path, nil)
}

// FollowWaiting calls each with what waits, now and whenever that changes, until
// ctx ends or the broker does. While it runs, requests of the background are held:
// the caller promises to tell the person of them.
func (c *Client) FollowWaiting(ctx context.Context, each func([]Waiting)) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://keybroker/v1/waiting?follow=1", nil)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return hungUp(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return readFailure(response.Body)
	}
	for decoder := json.NewDecoder(response.Body); ; {
		var list []Waiting
		if err := decoder.Decode(&list); err != nil {
			return err
		}
		each(list)
	}
}
