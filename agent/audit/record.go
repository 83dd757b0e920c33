// Package audit is the append-only, tamper-evident log of requests and decisions.
//
// The log is a directory with a file for each month (UTC). Each line of a file is a
// JSON object that ends with its hash and has the hash of the line before:
//
//	{"seq":2,"time":"…",…,"prev":"HASH OF LINE 1","hash":"HASH OF LINE 2"}
//
// The hash is the SHA-256, in lower-case hex, of the line's bytes before the last
// `,"hash":"`: from the opening brace to the quote that ends prev. The first line
// has seq 1 and a prev of 64 zeros; the chain continues from file to file.
// docs/audit-log.md shows how to verify it by hand, and says what it does not prove.
package audit

import (
	"encoding/hex"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// The decisions of a record. A note is about the log itself.
const (
	Allowed = "allowed"
	Refused = "refused"
	Note    = "note"
)

// Record is one line of the log.
type Record struct {
	Seq         uint64            `json:"seq"`  // from 1, without gaps
	Time        time.Time         `json:"time"` // UTC, RFC 3339 with up to nine decimals
	ID          string            `json:"id,omitempty"`
	Op          keys.Op           `json:"op,omitempty"`
	Decision    string            `json:"decision"`
	Reason      string            `json:"reason,omitempty"`
	Rule        string            `json:"rule,omitempty"`
	Grant       string            `json:"grant,omitempty"`  // allowed without a question by this grant
	Remedy      string            `json:"remedy,omitempty"` // refused: what a person can do about it
	Key         *Key              `json:"key,omitempty"`
	Peer        *Peer             `json:"peer,omitempty"`
	Socket      string            `json:"socket,omitempty"` // name of the separate socket; "": the agent's own
	Purpose     *wire.Purpose     `json:"purpose,omitempty"`
	Destination *keys.Destination `json:"destination,omitempty"`
	Claim       *keys.Claim       `json:"claim,omitempty"`   // annotate: what is said of the key from now on; absent: it was refused
	Claims      string            `json:"claims,omitempty"`  // changes of the broker, and annotate: digest of the claims in force afterwards (claims.Store.Digest)
	Step        *Step             `json:"step,omitempty"`    // lifecycle
	Digest      string            `json:"digest,omitempty"`  // sign: SHA-256 of the signed data, in hex
	Count       int               `json:"count,omitempty"`   // list: how many keys were shown
	Repeats     int               `json:"repeats,omitempty"` // how many requests of its kind it stands for; 0: one
	Rules       string            `json:"rules,omitempty"`   // changes of the broker: digest of the rules in force afterwards (policy.Rules.Digest)
	Held        []Key             `json:"held,omitempty"`    // keys: those that the broker did not hold before
	Gone        []Key             `json:"gone,omitempty"`    // keys: those that it holds no longer
	Index       string            `json:"index,omitempty"`   // SHA-256 of the index of the records before (decision 0077)
	Prev        string            `json:"prev"`
	Hash        string            `json:"hash,omitempty"` // see the package comment
}

// Key identifies the key of a request.
type Key struct {
	Fingerprint string `json:"fingerprint"`
	Name        string `json:"name,omitempty"`
	Comment     string `json:"comment,omitempty"`
	Type        string `json:"type,omitempty"` // "ssh-ed25519", …
	Source      string `json:"source,omitempty"`
}

// Peer identifies the program that asked. It has only names, because a command line
// may hold a secret.
type Peer struct {
	User       string   `json:"user"` // decimal uid; on Windows the SID
	PID        int      `json:"pid,omitempty"`
	Program    string   `json:"program,omitempty"` // base name
	Exe        string   `json:"exe,omitempty"`
	Chain      []string `json:"chain,omitempty"` // names of the parents, nearest first
	Terminal   string   `json:"terminal,omitempty"`
	SSHLogin   bool     `json:"ssh_login,omitempty"`
	Identified bool     `json:"identified"`
}

// FromUse makes the record of a use; the caller adds Decision, Reason and Rule. It
// clips text that other programs chose.
func FromUse(u *keys.Use) Record {
	r := Record{ID: clip(u.ID, MaxText), Op: u.Op, Peer: peerOf(u), Socket: clip(u.Socket, MaxText)}
	if u.Key.Fingerprint != "" {
		r.Key = keyOf(&u.Key)
	}
	if u.Purpose.Kind != "" {
		r.Purpose = purposeOf(u.Purpose)
	}
	if u.Destination.Trust != "" {
		r.Destination = destinationOf(u.Destination)
	}
	if u.Op == keys.OpSign {
		r.Digest = hex.EncodeToString(u.Digest[:])
	}
	return r
}

func keyOf(k *keys.Info) *Key {
	key := &Key{
		Fingerprint: k.Fingerprint,
		Name:        clip(k.Name, MaxText),
		Comment:     clip(k.Comment, MaxText),
		Source:      k.Source,
	}
	if k.PublicKey != nil {
		key.Type = k.PublicKey.Type()
	}
	return key
}

func peerOf(u *keys.Use) *Peer {
	p := &Peer{
		User:       u.Peer.User,
		PID:        u.Peer.PID,
		Program:    clip(u.Peer.Name, MaxText),
		Exe:        clip(u.Peer.Executable, MaxPath),
		Terminal:   clip(u.Peer.Terminal, MaxText),
		SSHLogin:   u.Peer.SSHLogin,
		Identified: u.Peer.Identified,
	}
	for _, parent := range u.Peer.Parents[:min(len(u.Peer.Parents), MaxList)] {
		p.Chain = append(p.Chain, clip(parent.Name, MaxText))
	}
	return p
}

func purposeOf(p wire.Purpose) *wire.Purpose {
	return &wire.Purpose{
		Certificate: certificateOf(p.Certificate), Sudo: sudoOf(p.Sudo),

		Kind:      p.Kind,
		User:      clip(p.User, MaxText),
		Method:    clip(p.Method, MaxText),
		Algorithm: clip(p.Algorithm, MaxText),
		Namespace: clip(p.Namespace, MaxText),
		Why:       clip(p.Why, MaxReason),
	}
}

func certificateOf(c *wire.Certificate) *wire.Certificate {
	if c == nil {
		return nil
	}
	clipped := *c
	clipped.KeyID, clipped.Principals, clipped.Options = clip(c.KeyID, MaxText), clipList(c.Principals), clipList(c.Options)
	return &clipped
}

// sudoOf leaves out the command, which may hold a secret.
func sudoOf(s *wire.Sudo) *wire.Sudo {
	if s == nil {
		return nil
	}
	return &wire.Sudo{Account: clip(s.Account, MaxText), User: clip(s.User, MaxText), Service: clip(s.Service, MaxText),
		Directory: clip(s.Directory, MaxPath), Host: clip(s.Host, MaxText)}
}

func destinationOf(d keys.Destination) *keys.Destination {
	clipped := &keys.Destination{
		Trust:     d.Trust,
		Host:      hostOf(d.Host),
		Named:     hostOf(d.Named),
		Claimed:   clip(d.Claimed, MaxText),
		Typed:     clip(d.Typed, MaxText),
		OtherName: d.OtherName,
		Forwarded: d.Forwarded,
		Relayed:   d.Relayed,
		Why:       clip(d.Why, MaxReason),
	}
	for _, hop := range d.Hops[:min(len(d.Hops), MaxList)] {
		clipped.Hops = append(clipped.Hops, hostOf(hop))
	}
	return clipped
}

func hostOf(h keys.Host) keys.Host {
	return keys.Host{
		Fingerprint: h.Fingerprint,
		Names:       clipList(h.Names),
		Patterns:    clipList(h.Patterns),
		Hashed:      h.Hashed,
		Cut:         h.Cut || len(h.Names) > MaxList || len(h.Patterns) > MaxList,
		Revoked:     clip(h.Revoked, MaxText),
		Unproved:    clip(h.Unproved, MaxText),
	}
}

func clipList(list []string) (clipped []string) {
	for _, text := range list[:min(len(list), MaxList)] {
		clipped = append(clipped, clip(text, MaxText))
	}
	return clipped
}
