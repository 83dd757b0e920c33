// Package control is the local API of a running broker: HTTP and JSON over a
// second socket, for the command line and the tray. ssh does not know that socket
// and never forwards it, and nothing in it approves a request.
package control

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// Status is the answer to "is all well".
type Status struct {
	Version     string      `json:"version"`
	PID         int         `json:"pid"`
	Started     time.Time   `json:"started"`
	AgentSocket string      `json:"agent_socket"`
	Sockets     []Socket    `json:"sockets,omitempty"` // beside the agent's
	Locked      bool        `json:"locked"`
	Paused      bool        `json:"paused,omitempty"` // no key is used until it is resumed
	Connections int         `json:"connections"`
	TurnedAway  uint64      `json:"turned_away"`
	Keys        int         `json:"keys"`
	Smartcards  string      `json:"smartcards"`            // how the smartcards do, in words
	Prompt      string      `json:"prompt"`                // the way a person is asked
	OnTerminal  bool        `json:"on_terminal,omitempty"` // questions are shown on terminals only, in no window
	Approve     *Approval   `json:"approve,omitempty"`     // the terminal that answers; nil: none
	Waiting     int         `json:"waiting"`               // requests that wait for a person
	Seal        string      `json:"seal,omitempty"`        // what opens the sealed keys
	Rules       int         `json:"rules"`
	Grants      int         `json:"grants"`
	Audit       AuditStatus `json:"audit"`
	Problems    []Problem   `json:"problems,omitempty"`
	Hardening   []string    `json:"hardening,omitempty"` // what the system did not grant
	Session     Session     `json:"session"`
	Cards       []string    `json:"cards,omitempty"` // that are in, by name
}

// Socket is a separate socket, with a view of the keys.
type Socket struct {
	Name     string `json:"name"`
	Path     string `json:"path"`
	Keys     string `json:"keys"` // which it shows, in words
	ReadOnly bool   `json:"read_only"`
}

// Session is what the broker knows of the person's desktop.
type Session struct {
	Locked bool     `json:"locked,omitempty"` // the screen
	Last   string   `json:"last,omitempty"`   // what was dropped last, when and why
	Notes  []string `json:"notes,omitempty"`  // what is not noticed, and why
}

// AuditStatus is the end of the audit log as the daemon knows it.
type AuditStatus struct {
	Directory string `json:"directory"`
	Seq       uint64 `json:"seq"`
	Hash      string `json:"hash"`
}

// Head is that end as the log has it.
func (a AuditStatus) Head() audit.Head { return audit.Head{Seq: a.Seq, Hash: a.Hash} }

// Problem is something that does not work and what to do about it.
type Problem struct {
	What   string `json:"what"`
	Remedy string `json:"remedy,omitempty"`
}

// Key is one key as the list shows it.
type Key struct {
	Fingerprint string     `json:"fingerprint"`
	Type        string     `json:"type"`
	Name        string     `json:"name,omitempty"`
	Comment     string     `json:"comment"`
	Source      string     `json:"source"`
	State       string     `json:"state,omitempty"`
	Unproved    bool       `json:"unproved,omitempty"` // the vault was not opened yet, which proves name and public key
	Hidden      bool       `json:"hidden,omitempty"`   // taken off the agent's list by ssh-add -d or -D
	Confirm     bool       `json:"confirm,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`
	ValidUntil  *time.Time `json:"valid_until,omitempty"` // of a certificate
	OnlyTo      []string   `json:"only_to,omitempty"`     // where it may be used, as ssh-add -h takes it; none: everywhere
	PublicKey   string     `json:"public_key"`            // authorized_keys line, without comment
	LastUsed    *time.Time `json:"last_used,omitempty"`
	Uses        int        `json:"uses,omitempty"`
}

// Waiting is one request that waits for the person.
type Waiting struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`   // escaped: "Log in to github.com?"
	Program string    `json:"program"` // escaped: "ssh ← git ← zsh"
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Held    bool      `json:"held"` // it is asked when it is shown: see Show
}

// Secret is the body of lock and unlock.
type Secret struct {
	Passphrase []byte `json:"passphrase"`
}

// Reloaded is what a reload did.
type Reloaded struct {
	Rules   int      `json:"rules"`              // in force now
	Same    bool     `json:"same"`               // as before
	AtStart []string `json:"at_start,omitempty"` // settings that were changed since the start, and are read there only
}

// InvalidError marks a configuration that cannot be used: Reload returns it on both
// sides of the socket, so that a command can tell it from a broker that failed.
type InvalidError struct{ error }

func (e InvalidError) Unwrap() error { return e.error }

// Invalid marks err as an error of the configuration.
func Invalid(err error) error { return InvalidError{err} }

// Failure is the body of an answer that is not 200.
type Failure struct {
	Error  string `json:"error"`            // what happened
	Remedy string `json:"remedy,omitempty"` // what to do about it
}

func failureOf(err error) Failure {
	return Failure{Error: platform.Plain(err), Remedy: strings.Join(problem.Remedies(err), "; ")}
}

// err is the failure on the side of the client.
func (f Failure) err() error {
	if f.Remedy == "" {
		return errors.New(f.Error)
	}
	return problem.New(f.Error, f.Remedy)
}

// Broker is what the server serves. The command wires it.
type Broker interface {
	Status() Status
	Keys() []Key
	Load(names []string) error // bring hidden keys back
	Lock(peer platform.Peer, passphrase []byte) error
	Unlock(ctx context.Context, peer platform.Peer, passphrase []byte) error
	LockAsking(ctx context.Context, peer platform.Peer) error // asks the person for the passphrase
	UnlockAsking(ctx context.Context, peer platform.Peer) error
	Pause(peer platform.Peer) error
	Resume(peer platform.Peer) error
	Notices() []string // of what waits for a hand
	Refusals() []audit.Record
	Grants() []policy.Grant
	Revoke(peer platform.Peer, id string) bool // "" revokes all
	// Waiting are the requests that wait for the person; Show asks one that is
	// held, or with "" the oldest, and false is that there is none. Watch reports
	// changes until stop is called; who watches tells the person of what is held.
	Waiting() []Waiting
	Show(id string) bool
	Watch() (changed <-chan struct{}, stop func())
	// Reload reads the rules again. The error says why the old ones stay. It may
	// ask the person, and ends with ctx then.
	Reload(ctx context.Context, peer platform.Peer) (Reloaded, error)
	AuditDir() string
	CardHolder
	Approver
	Recorder
}

// KeyOf describes a key for the list. A damaged one may have no public key.
func KeyOf(info keys.Info) Key {
	key := Key{Fingerprint: info.Fingerprint, Name: info.Name, Comment: info.Comment,
		Source: info.Source, State: info.State, Confirm: info.Confirm}
	if info.PublicKey != nil {
		key.Type = info.PublicKey.Type()
		key.PublicKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(info.PublicKey)))
	}
	if until := info.ValidUntil(); !until.IsZero() {
		key.ValidUntil = &until
	}
	if !info.Expires.IsZero() {
		key.Expires = &info.Expires
	}
	for _, d := range info.Destinations {
		key.OnlyTo = append(key.OnlyTo, d.String())
	}
	return key
}
