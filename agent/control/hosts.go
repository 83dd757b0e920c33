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
}

// announceHosts lasts as long as the connection.
func (s *Server) announceHosts(w http.ResponseWriter, r *http.Request) {
	var names []string
	if err := json.NewDecoder(r.Body).Decode(&names); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	withdraw, err := s.broker.AnnounceHosts(peerOf(r), names)
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
	body, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	answer, err := c.do(ctx, http.MethodPost, "/v1/hosts", body)
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
