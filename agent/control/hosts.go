package control

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/keybroker/keybroker/platform"
)

// Announcer is the part of a Broker that is told which hosts a command will log in to.
type Announcer interface {
	// AnnounceHosts makes a question for one of the hosts offer all of them, until
	// withdraw. It allows nothing.
	AnnounceHosts(peer platform.Peer, names []string) (withdraw func(), err error)
	// ListFirst puts a key first in the list for the ssh that peer starts with file on its
	// command line, until withdraw. It allows nothing.
	ListFirst(peer platform.Peer, blob []byte, file string) (withdraw func(), err error)
}

// announceHosts lasts as long as the connection.
func (s *Server) announceHosts(w http.ResponseWriter, r *http.Request) {
	var names []string
	if err := json.NewDecoder(r.Body).Decode(&names); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	withdraw, err := s.broker.AnnounceHosts(peerOf(r), names)
	holdOpen(w, r, withdraw, err)
}

// firstKey is the body of POST /v1/lists.
type firstKey struct {
	Blob []byte `json:"blob"` // RFC 4253 section 6.6
	File string `json:"file"`
}

// listFirst lasts as long as the connection.
func (s *Server) listFirst(w http.ResponseWriter, r *http.Request) {
	var first firstKey
	if err := json.NewDecoder(r.Body).Decode(&first); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	withdraw, err := s.broker.ListFirst(peerOf(r), first.Blob, first.File)
	holdOpen(w, r, withdraw, err)
}

// holdOpen answers, and withdraws what was said when the client hangs up.
func holdOpen(w http.ResponseWriter, r *http.Request, withdraw func(), err error) {
	if err != nil {
		fail(w, http.StatusConflict, err)
		return
	}
	defer withdraw()
	reply(w, struct{}{})
	if http.NewResponseController(w).Flush() == nil {
		<-r.Context().Done()
	}
}

// AnnounceHosts tells the broker the names, as known_hosts has them, of the hosts that
// this process will log in to through ssh: the person is then asked once for all of them.
// Call withdraw after the last login.
func (c *Client) AnnounceHosts(ctx context.Context, names []string) (withdraw func(), err error) {
	return c.say(ctx, "/v1/hosts", names)
}

// ListFirst has the broker list a key first for the ssh that this process starts with
// file on its command line, so that ssh offers it first. Call withdraw after that login.
func (c *Client) ListFirst(ctx context.Context, blob []byte, file string) (withdraw func(), err error) {
	return c.say(ctx, "/v1/lists", firstKey{blob, file})
}

// say tells the broker what is in force until withdraw.
func (c *Client) say(ctx context.Context, route string, what any) (withdraw func(), err error) {
	body, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	answer, err := c.do(ctx, http.MethodPost, route, body)
	if err != nil {
		cancel()
		return nil, err
	}
	if _, err := io.ReadFull(answer, make([]byte, 1)); err != nil { // the broker has it now
		cancel()
		return nil, c.unclear(ctx, err)
	}
	return func() {
		cancel()
		answer.Close()
	}, nil
}
