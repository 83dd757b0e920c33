// Package plan brings a key in at a door, puts one in another's place, takes one away
// and gives it back: step by step, each with the server's own word before and after.
//
// A Plan says what is to happen and never changes: people approve its bytes. How far it
// is stands in its Steps, which the store keeps, so that a plan goes on after the
// program was killed at any point.
package plan

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/problem"
)

// Kind is what a plan does.
type Kind string

// The kinds of plan.
const (
	Provision Kind = "provision" // the key comes in
	Rotate    Kind = "rotate"    // another key takes its place
	Terminate Kind = "terminate" // it goes
	Restore   Kind = "restore"   // what another plan did is taken back
)

// Kinds are all kinds.
var Kinds = []Kind{Provision, Rotate, Terminate, Restore}

// Plan is what is to happen to a key.
type Plan struct {
	Format  int       `json:"format"` // of the file: 1
	ID      string    `json:"id"`     // "r-k3v9q2"
	Kind    Kind      `json:"kind"`
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"` // not begun after that
	By      Requester `json:"by"`

	Key     lifecycle.Key  `json:"key"`               // that comes, or goes
	New     *lifecycle.Key `json:"new,omitempty"`     // rotate: that takes its place
	Options []string       `json:"options,omitempty"` // provision: of the new line, sshd(8)
	Comment string         `json:"comment,omitempty"` // at the end of the new line
	Keep    string         `json:"keep,omitempty"`    // how long a quarantine lasts: "720h0m0s"
	Now     bool           `json:"now,omitempty"`     // no quarantine
	// Everywhere: the key is to open nothing any more, so it is remembered for ever.
	Everywhere bool   `json:"everywhere,omitempty"`
	KeepConfig bool   `json:"keep_config,omitempty"` // ssh_config and git of this machine stay
	Of         string `json:"of,omitempty"`          // restore: the plan that is taken back
	OfKind     Kind   `json:"of_kind,omitempty"`     // restore: its kind

	Places []Place         `json:"places"`
	Claim  lifecycle.Claim `json:"claim,omitzero"` // what people say of the key
}

// Requester is who made a plan. None of these keys may approve it.
type Requester struct {
	Actor string   `json:"actor"`          // user@machine
	Keys  []string `json:"keys,omitempty"` // fingerprints of the keys that the requester held
}

// Place is one account on one server, or at a forge.
type Place struct {
	Target  string         `json:"target"` // as ssh takes it: "deploy@web1"; of a forge its address
	Host    lifecycle.Host `json:"host"`   // as it was when the plan was made; Key "": it was not reached
	Account string         `json:"account"`
	File    string         `json:"file,omitempty"`  // of the change, where the server was reached
	Diff    []string       `json:"diff,omitempty"`  // what was shown
	Forge   string         `json:"forge,omitempty"` // "gitea https://git.example.com": no sshd's file
	Why     string         `json:"why,omitempty"`   // why it was not reached
	Remedy  string         `json:"remedy,omitempty"`
}

const (
	format = 1
	// lasts is how long a plan may wait for approvals and its first step.
	lasts = 7 * 24 * time.Hour
	// Quarantine is how long a line stays commented out before it goes for good.
	Quarantine = 30 * 24 * time.Hour
	// maxPlaces bounds a plan file: a person approves what can be read.
	maxPlaces = 10_000
)

// identifier is the form of Plan.ID. It becomes a file name and a word in a comment.
var identifier = regexp.MustCompile(`^[bprt]-[a-z2-7]{6}$`)

// letters begin the identifiers of each kind.
var letters = map[Kind]string{Provision: "p", Rotate: "r", Terminate: "t", Restore: "b"}

// New makes a plan with a new identifier.
func New(kind Kind, key lifecycle.Key, by Requester, now time.Time) Plan {
	var random [4]byte
	rand.Read(random[:])
	id := strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))[:6]
	made := now.UTC().Truncate(time.Second)
	return Plan{Format: format, ID: letters[kind] + "-" + id, Kind: kind, Made: made, Expires: made.Add(lasts), By: by, Key: key}
}

// KeepFor is how long the quarantine of the plan lasts.
func (p *Plan) KeepFor() time.Duration {
	d, err := time.ParseDuration(p.Keep)
	if err != nil {
		return Quarantine
	}
	return d
}

// Check returns what is wrong with a plan that came from a file, or nil.
func (p *Plan) Check() error {
	switch {
	case p.Format != format:
		return problem.With(fmt.Errorf("the plan has format %d, this program reads %d", p.Format, format), "make the plan anew")
	case !identifier.MatchString(p.ID):
		return fmt.Errorf("%.40q is not the identifier of a plan", p.ID)
	case !slices.Contains(Kinds, p.Kind) || letters[p.Kind] != p.ID[:1]:
		return fmt.Errorf("the plan %s has the kind %.40q", p.ID, p.Kind)
	case p.Kind == Rotate && p.New == nil:
		return errors.New("the plan names no new key")
	case p.Kind == Restore && (!identifier.MatchString(p.Of) || p.OfKind != Rotate && p.OfKind != Terminate):
		return errors.New("the plan does not name what it takes back")
	case len(p.Places) > maxPlaces:
		return fmt.Errorf("the plan has %d places, at most %d are possible", len(p.Places), maxPlaces)
	case p.Keep != "" && badDuration(p.Keep):
		return fmt.Errorf("%.40q is not a duration", p.Keep)
	}
	return errors.Join(checkKeys(p), checkLine(p), checkPlaces(p.Places))
}

func badDuration(text string) bool {
	d, err := time.ParseDuration(text)
	return err != nil || d < 0
}

func checkKeys(p *Plan) error {
	err := checkKey(p.Key)
	if err == nil && p.New != nil {
		err = checkKey(*p.New)
	}
	if err == nil && p.New != nil && p.New.Fingerprint == p.Key.Fingerprint {
		err = problem.New("the new key is the old key", "name another key with --to")
	}
	return err
}

// checkLine refuses options and comments that bring in another key, or another line:
// people approve the key of the plan.
func checkLine(p *Plan) error {
	if p.Kind != Provision {
		return nil
	}
	lines := authorized.Parse([]byte(lineText(p.Key, p.Comment, p.Options))).Lines
	if len(lines) != 1 || lines[0].Fingerprint() != p.Key.Fingerprint || !slices.Equal(lines[0].Options, p.Options) {
		return problem.New("the options or the comment of the plan would let in something else than its key", "make the plan anew")
	}
	return nil
}

func checkPlaces(places []Place) error {
	for _, place := range places {
		if place.Forge != "" {
			if err := checkForge(place); err != nil {
				return err
			}
			continue
		}
		if _, err := ParseTarget(place.Target); err != nil {
			return err
		}
	}
	return nil
}
