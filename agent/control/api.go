// Package control is the local API of a running broker: HTTP and JSON over a second
// socket, for the command line and the tray. ssh never forwards that socket, and no
// call approves a request.
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

// Status is the state of the broker.
type Status struct {
	Version     string      `json:"version"`
	PID         int         `json:"pid"`
	Started     time.Time   `json:"started"`
	AgentSocket string      `json:"agent_socket"`
	Sockets     []Socket    `json:"sockets,omitempty"` // besides the agent's own
	Locked      bool        `json:"locked"`
	Paused      bool        `json:"paused,omitempty"` // no key is used until Resume
	Connections int         `json:"connections"`
	TurnedAway  uint64      `json:"turned_away"`
	Keys        int         `json:"keys"`
	Smartcards  string      `json:"smartcards"`            // state of the smartcards, in words
	Prompt      string      `json:"prompt"`                // how the person is asked
	OnTerminal  bool        `json:"on_terminal,omitempty"` // questions are shown only on terminals, not in windows
	Approve     *Approval   `json:"approve,omitempty"`     // the terminal that answers questions; nil: none
	Waiting     int         `json:"waiting"`               // how many requests wait for the person
	Seal        string      `json:"seal,omitempty"`        // what unseals the sealed keys
	Rules       int         `json:"rules"`
	Grants      int         `json:"grants"`
	Audit       AuditStatus `json:"audit"`
	Problems    []Problem   `json:"problems,omitempty"`
	Soon        []Problem   `json:"soon,omitempty"`      // what works now, and will not soon
	Hardening   []string    `json:"hardening,omitempty"` // protections that the system did not grant
	Protection  []string    `json:"protection"`          // those in force
	Session     Session     `json:"session"`
	Cards       []string    `json:"cards,omitempty"` // names of the inserted cards
}

// Socket is a separate socket and its view of the keys.
type Socket struct {
	Name     string `json:"name"`
	Path     string `json:"path"`
	Keys     string `json:"keys"` // which keys it shows, in words
	ReadOnly bool   `json:"read_only"`
}

// Session is what the broker knows about the person's desktop session.
type Session struct {
	Locked bool     `json:"locked,omitempty"` // the screen
	Last   string   `json:"last,omitempty"`   // the last time that keys or grants were dropped, and why
	Notes  []string `json:"notes,omitempty"`  // which events cannot be noticed, and why
}

// AuditStatus is the end of the audit log as the daemon knows it.
type AuditStatus struct {
	Directory string `json:"directory"`
	Seq       uint64 `json:"seq"`
	Hash      string `json:"hash"`
}

// Head returns the end as an audit.Head.
func (a AuditStatus) Head() audit.Head { return audit.Head{Seq: a.Seq, Hash: a.Hash} }

// Problem is something that does not work, and what to do about it.
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
	Unproved    bool       `json:"unproved,omitempty"` // name and public key are unproved until the vault is opened
	Hidden      bool       `json:"hidden,omitempty"`   // hidden from the agent's list by ssh-add -d or -D
	Confirm     bool       `json:"confirm,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`
	ValidUntil  *time.Time `json:"valid_until,omitempty"` // of a certificate
	OnlyTo      []string   `json:"only_to,omitempty"`     // where it may be used, as in ssh-add -h; empty: everywhere
	PublicKey   string     `json:"public_key"`            // authorized_keys line, without comment
	LastUsed    *time.Time `json:"last_used,omitempty"`
	Uses        int        `json:"uses,omitempty"`
	Claim       keys.Claim `json:"claim,omitzero"` // what the person said of it
}

// Waiting is one request that waits for the person.
type Waiting struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`   // escaped: "Log in to github.com?"
	Program string    `json:"program"` // escaped: "ssh ← git ← zsh"
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Held    bool      `json:"held"` // the question appears only after Show
}

// Secret is the body of a lock or unlock request.
type Secret struct {
	Passphrase []byte `json:"passphrase"`
}

// Reloaded is the result of a reload.
type Reloaded struct {
	Rules     int      `json:"rules"`              // number of rules in force
	Unchanged bool     `json:"same"`               // they are the same as before
	AtStart   []string `json:"at_start,omitempty"` // changed settings that are read only at the start
}

// InvalidError marks an error in the configuration. Reload returns it on both sides
// of the socket, so that a command can tell it from a failure of the broker.
type InvalidError struct{ error }

func (e InvalidError) Unwrap() error { return e.error }

// Invalid marks err as an error of the configuration.
func Invalid(err error) error { return InvalidError{err} }

// RefusedError marks a change that the person refused, on both sides of the socket.
type RefusedError struct{ error }

func (e RefusedError) Unwrap() error { return e.error }

// Refused marks err as the person's refusal.
func Refused(err error) error { return RefusedError{err} }

// Failure is the body of an answer other than 200.
type Failure struct {
	Error  string `json:"error"`            // what happened
	Remedy string `json:"remedy,omitempty"` // what to do about it
}

func failureOf(err error) Failure {
	return Failure{Error: platform.Plain(err), Remedy: strings.Join(problem.Remedies(err), "; ")}
}

// err returns the failure as an error, for the client.
func (f Failure) err() error {
	if f.Remedy == "" {
		return errors.New(f.Error)
	}
	return problem.New(f.Error, f.Remedy)
}

// Broker is what the Server serves.
type Broker interface {
	Status() Status
	Keys() []Key
	Load(names []string) error // list hidden keys again; none: all
	Lock(peer platform.Peer, passphrase []byte) error
	Unlock(ctx context.Context, peer platform.Peer, passphrase []byte) error
	LockAsking(ctx context.Context, peer platform.Peer) error // asks the person for the passphrase
	UnlockAsking(ctx context.Context, peer platform.Peer) error
	Pause(peer platform.Peer) error
	Resume(peer platform.Peer) error
	Notices() []string // what waits for a touch or a card
	Refusals() []audit.Record
	Grants() []policy.Grant
	Revoke(peer platform.Peer, id string) bool // "" revokes all
	// Waiting returns the requests that wait for the person. Show asks the question
	// of a held one, with "" of the oldest; it returns false if there is none. Watch
	// reports changes until stop is called. The watcher must tell the person about
	// held requests.
	Waiting() []Waiting
	Show(id string) bool
	Watch() (changed <-chan struct{}, stop func())
	// Reload reads the rules again. The error says why the old ones stay in force. It
	// may ask the person until ctx ends.
	Reload(ctx context.Context, peer platform.Peer) (Reloaded, error)
	AuditDir() string
	CardHolder
	Announcer
	Annotator
	Approver
	Recorder
}

// KeyOf describes a key for the list. A damaged key may have no public key.
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
