package control

import (
	"context"
	"net/http"
	"net/url"

	"github.com/keybroker/keybroker/problem"
)

// show asks the question of a held request. Only the person can answer it.
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

// Show asks the question of a held request, with "" of the oldest.
func (c *Client) Show(ctx context.Context, id string) error {
	path := "/v1/waiting/show"
	if id != "" {
		path = "/v1/waiting/" + url.PathEscape(id) + "/show"
	}
	return c.send(ctx, http.MethodPost, path, nil)
}
