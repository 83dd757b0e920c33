package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// ErrNotRunning means that no broker answers on the control socket.
var ErrNotRunning = errors.New("the broker is not running")

var errNoReason = errors.New("the broker failed without saying why")

// Client talks to a running broker.
type Client struct {
	// Absent returns a more exact error when no broker answers. It must wrap
	// ErrNotRunning. Optional.
	Absent func() error
	// Unclear may add to the error of an answer that this client cannot read: the
	// broker may be of another version. Optional.
	Unclear func(ctx context.Context, err error) error

	dial func(ctx context.Context, network, address string) (net.Conn, error)
	http http.Client
}

// NewClient makes a client for the control socket at path. Each call connects.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return platform.Dial(ctx, path) }
	return &Client{dial: dial, http: http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status asks for the state of the broker.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "/v1/status")
}

// Keys asks for every key, hidden ones too.
func (c *Client) Keys(ctx context.Context) ([]Key, error) { return get[[]Key](ctx, c, "/v1/keys") }

// Refusals asks for the latest refused requests, oldest first.
func (c *Client) Refusals(ctx context.Context) ([]audit.Record, error) {
	return get[[]audit.Record](ctx, c, "/v1/why")
}

// Grants asks for the grants in force.
func (c *Client) Grants(ctx context.Context) ([]policy.Grant, error) {
	return get[[]policy.Grant](ctx, c, "/v1/grants")
}

// Load lists keys again that ssh-add -d or -D has hidden; no names means all.
func (c *Client) Load(ctx context.Context, names []string) error {
	return c.send(ctx, http.MethodPost, "/v1/keys/load", names)
}

// Lock locks the agent with a passphrase, as ssh-add -x does.
func (c *Client) Lock(ctx context.Context, passphrase []byte) error {
	return c.send(ctx, http.MethodPost, "/v1/lock", Secret{passphrase})
}

// Unlock undoes Lock.
func (c *Client) Unlock(ctx context.Context, passphrase []byte) error {
	return c.send(ctx, http.MethodPost, "/v1/unlock", Secret{passphrase})
}

// LockAsking locks the agent with a passphrase that the broker asks the person for.
// It waits for the person.
func (c *Client) LockAsking(ctx context.Context) error {
	return c.send(ctx, http.MethodPost, "/v1/lock/ask", nil)
}

// UnlockAsking undoes Lock, and asks for the passphrase likewise.
func (c *Client) UnlockAsking(ctx context.Context) error {
	return c.send(ctx, http.MethodPost, "/v1/unlock/ask", nil)
}

// Pause refuses every use of a key until Resume.
func (c *Client) Pause(ctx context.Context) error {
	return c.send(ctx, http.MethodPost, "/v1/pause", nil)
}

// Resume undoes Pause.
func (c *Client) Resume(ctx context.Context) error {
	return c.send(ctx, http.MethodPost, "/v1/resume", nil)
}

// Revoke ends one grant, with "" all of them.
func (c *Client) Revoke(ctx context.Context, id string) error {
	path := "/v1/grants"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	return c.send(ctx, http.MethodDelete, path, nil)
}

// Reload makes the broker read its configuration again.
func (c *Client) Reload(ctx context.Context) (reloaded Reloaded, err error) {
	err = c.call(ctx, http.MethodPost, "/v1/reload", nil, &reloaded)
	return reloaded, err
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var value T
	err := c.call(ctx, http.MethodGet, path, nil, &value)
	return value, err
}

func (c *Client) send(ctx context.Context, method, path string, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	defer clear(encoded)
	return c.call(ctx, method, path, encoded, nil)
}

func (c *Client) call(ctx context.Context, method, path string, body []byte, into any) error {
	answer, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(answer).Decode(into); err != nil {
		return c.unclear(ctx, err)
	}
	return nil
}

func (c *Client) unclear(ctx context.Context, err error) error {
	if c.Unclear == nil {
		return err
	}
	return c.Unclear(ctx, err)
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://keybroker"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.noAnswer(ctx, errors.Unwrap(err))
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		err := readFailure(response.Body)
		if errors.Is(err, errNoReason) { // such as 404 for a path that an older broker does not know
			err = c.unclear(ctx, err)
		}
		switch response.StatusCode {
		case http.StatusUnprocessableEntity:
			err = Invalid(err)
		case http.StatusForbidden:
			err = Refused(err)
		case http.StatusServiceUnavailable:
			err = unstarted{err}
		}
		return nil, err
	}
	return response.Body, nil
}

// noAnswer tells a broker that has no free connection from one that does not run.
func (c *Client) noAnswer(ctx context.Context, err error) error {
	if conn, dialErr := c.dial(ctx, "", ""); dialErr == nil {
		_ = conn.Close()
		return problem.With(fmt.Errorf("the broker hung up (%w): programs hold too many connections to its control socket (at most %d, and %d for one program)", err, MaxConnections, MaxPerProcess), "try again, or see which programs: ss -xp | grep control.sock")
	}
	if c.Absent != nil {
		if known := c.Absent(); known != nil {
			return known
		}
	}
	return notRunning(err)
}

// notRunning is the error when the broker does not run, or has ended.
func notRunning(err error) error { return fmt.Errorf("%w (%w)", ErrNotRunning, err) }

func readFailure(body io.Reader) error {
	var failure Failure
	if err := json.NewDecoder(body).Decode(&failure); err != nil || failure.Error == "" {
		return errNoReason
	}
	return failure.err()
}
