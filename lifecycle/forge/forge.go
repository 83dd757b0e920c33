// Package forge lists, adds and deletes the keys of an account at GitHub, GitLab, and
// Gitea or Forgejo, over their HTTP interfaces. They have no authorized_keys that could
// be read, but they say when a key was added, and some when it was last used.
package forge

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
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

const (
	// patience bounds one request.
	patience = 30 * time.Second
	// maxAnswer bounds one answer, in bytes: a page of a hundred keys takes a tenth.
	maxAnswer = 4 << 20
	// page is how many keys are asked for at once, and maxPages how often.
	page     = 50
	maxPages = 100
)

// Kind is a kind of forge.
type Kind string

// The kinds of forge. Forgejo speaks Gitea's interface.
const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea"
)

// Kinds are the values of --forge, before the colon.
var Kinds = []string{string(GitHub), string(GitLab), string(Gitea)}

// Key is a key of the account.
type Key struct {
	ID           string    `json:"id"` // of the forge
	Title        string    `json:"title"`
	Line         string    `json:"line"`        // TYPE BASE64
	Fingerprint  string    `json:"fingerprint"` // SHA256:…
	Added        time.Time `json:"added,omitzero"`
	LastUsed     time.Time `json:"last_used,omitzero"` // zero: never, or the forge does not say
	Expires      time.Time `json:"expires,omitzero"`
	TellsLastUse bool      `json:"tells_last_use"` // without LastUsed the key was never used
}

// Forge is one account at one forge.
type Forge struct {
	kind  Kind
	base  *url.URL
	token string
	http  http.Client
}

// New takes the kind, the address of the forge ("https://git.example.com"), and a token
// that may read and write the account's keys. Plain HTTP is only for this machine: it
// would show the token to the network.
func New(kind Kind, address, token string) (*Forge, error) {
	if address == "" && kind == GitHub {
		address = "https://github.com"
	}
	base, err := url.Parse(strings.TrimRight(address, "/"))
	switch {
	case err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, problem.With(fmt.Errorf("%.100q is not the address of a forge", address), "write it as https://git.example.com")
	case base.Scheme != "https" && !(base.Scheme == "http" && isLoopback(base.Hostname())):
		return nil, problem.With(fmt.Errorf("%s would carry the token in clear", address), "use https://")
	case !slices.Contains(Kinds, string(kind)):
		return nil, problem.With(fmt.Errorf("%.40q is no kind of forge", kind), "use github, gitlab or gitea (also for Forgejo)")
	case token == "" || strings.ContainsAny(token, " \t\r\n"):
		return nil, problem.New("the token is empty or has a space in it", "put the token alone into the file")
	}
	f := &Forge{kind: kind, base: base, token: token}
	f.http.Timeout = patience
	f.http.CheckRedirect = func(*http.Request, []*http.Request) error { return errRedirect }
	return f, nil
}

// errRedirect: a token goes to the address that the person gave, and nowhere else.
var errRedirect = errors.New("the forge sends to another address")

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Host is the name of the forge, as ssh has it.
func (f *Forge) Host() string { return f.base.Hostname() }

// Name is the kind and the address of the forge: "gitea https://git.example.com".
func (f *Forge) Name() string { return string(f.kind) + " " + f.base.String() }

// KeepsExpiry reports whether the forge can end a key by itself.
func (f *Forge) KeepsExpiry() bool { return f.kind == GitLab }

// api is the address of the interface.
func (f *Forge) api(path string) string {
	switch {
	case f.kind == GitHub && f.base.Host == "github.com":
		return "https://api.github.com" + path
	case f.kind == GitHub: // GitHub Enterprise
		return f.base.String() + "/api/v3" + path
	case f.kind == GitLab:
		return f.base.String() + "/api/v4" + path
	}
	return f.base.String() + "/api/v1" + path
}

// wireKey is a key as the three forges write it.
type wireKey struct {
	ID        int64     `json:"id"`
	Title     string    `json:"title"`
	Key       string    `json:"key"`
	CreatedAt time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used_at"` // GitLab; Gitea: of the last change, which a use is
	ExpiresAt time.Time `json:"expires_at"`   // GitLab
}

// List returns the keys of the account.
func (f *Forge) List(ctx context.Context) ([]Key, error) {
	var list []Key
	for n := 1; n <= maxPages; n++ {
		var wire []wireKey
		query := url.Values{"per_page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(page)}, "page": {strconv.Itoa(n)}}
		if err := f.call(ctx, http.MethodGet, "/user/keys?"+query.Encode(), nil, &wire); err != nil {
			return nil, err
		}
		for _, key := range wire {
			list = append(list, f.read(key))
		}
		if len(wire) < page {
			return list, nil
		}
	}
	return nil, fmt.Errorf("%s has more than %d keys of one account", f.Host(), page*maxPages)
}

func (f *Forge) read(wire wireKey) Key {
	fields := strings.Fields(wire.Key)
	key := Key{ID: strconv.FormatInt(wire.ID, 10), Title: wire.Title, Added: wire.CreatedAt, Expires: wire.ExpiresAt, LastUsed: wire.LastUsed, TellsLastUse: f.kind == GitLab || f.kind == Gitea}
	if f.kind == Gitea && !wire.LastUsed.After(wire.CreatedAt) {
		key.LastUsed = time.Time{}
	}
	if len(fields) >= 2 {
		key.Line = fields[0] + " " + fields[1]
		if lines := authorized.Parse([]byte(key.Line)).Lines; len(lines) == 1 {
			key.Fingerprint = lines[0].Fingerprint()
		}
	}
	return key
}

// Add adds a key: a line of authorized_keys without options. The forge may refuse one
// that another account has.
func (f *Forge) Add(ctx context.Context, title, line string, expires time.Time) (Key, error) {
	body := map[string]any{"title": title, "key": line}
	if !expires.IsZero() {
		if !f.KeepsExpiry() {
			return Key{}, problem.With(fmt.Errorf("%s keeps no expiry of a key", f.Host()), "leave --expires out, and set one with keybroker keys annotate")
		}
		body["expires_at"] = expires.UTC().Format(time.RFC3339)
	}
	var wire wireKey
	err := f.call(ctx, http.MethodPost, "/user/keys", body, &wire)
	return f.read(wire), err
}

// Delete takes a key away.
func (f *Forge) Delete(ctx context.Context, id string) error {
	if _, err := strconv.ParseInt(id, 10, 64); err != nil {
		return fmt.Errorf("%.40q is not the number of a key", id)
	}
	return f.call(ctx, http.MethodDelete, "/user/keys/"+id, nil, nil)
}

func (f *Forge) call(ctx context.Context, method, path string, body, into any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, f.api(path), bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	switch f.kind {
	case GitLab:
		request.Header.Set("PRIVATE-TOKEN", f.token)
	case Gitea:
		request.Header.Set("Authorization", "token "+f.token)
	default:
		request.Header.Set("Authorization", "Bearer "+f.token)
		request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	}
	response, err := f.http.Do(request)
	if err != nil {
		return problem.With(fmt.Errorf("%s does not answer: %s", f.Host(), f.shown(withoutAddress(err).Error())), "check the address and the network")
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %s", f.Host(), f.shown(err.Error()))
	case len(answer) > maxAnswer:
		return fmt.Errorf("the answer of %s is longer than %d bytes", f.Host(), maxAnswer)
	case response.StatusCode/100 != 2:
		return f.refusal(response, answer)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return problem.With(fmt.Errorf("the answer of %s is not understood: %s", f.Host(), f.shown(err.Error())), "check that the address is a %s", f.kind)
	}
	return nil
}

// withoutAddress leaves out what net/http puts before an error.
func withoutAddress(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// shown is what the forge chose, for people: one line, which never repeats the token.
func (f *Forge) shown(text string) string {
	return platform.Escape(strings.ReplaceAll(text, f.token, "…"), 200)
}

// refusal is what the forge says.
func (f *Forge) refusal(response *http.Response, answer []byte) error {
	var said struct {
		Message any `json:"message"`
	}
	_ = json.Unmarshal(answer, &said)
	text := f.shown(response.Status)
	if said.Message != nil {
		text += ": " + f.shown(fmt.Sprint(said.Message))
	}
	err := fmt.Errorf("%s refuses: %s", f.Host(), text)
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return problem.With(err, "make a token that may read and write the account's SSH keys (%s)", map[Kind]string{GitHub: "admin:public_key", GitLab: "api", Gitea: "write:user"}[f.kind])
	case http.StatusNotFound:
		return problem.With(err, "check the address, and that the key is still there: keybroker forge list")
	case http.StatusUnprocessableEntity:
		return problem.With(err, "the key may be at the forge already, of this account or another")
	}
	return err
}
