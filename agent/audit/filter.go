package audit

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// Filter chooses records; the zero value chooses all. Key, Host and Program
// may be patterns with "*" and "?".
type Filter struct {
	Since, Until time.Time // Since is included, Until is not
	Key          string    // name or fingerprint
	Host         string    // name (proved or claimed) or fingerprint of the destination
	Program      string    // base name or path
	Decision     string
	Socket       string    // of a [[socket]] table
	Ops          []keys.Op // only these; nil: all
	NotOps       []keys.Op // but not these
	IDs          []string
	Last         int // Read: only the last so many, 0: all. Follow: how many old ones come first
}

func (f *Filter) match(r *Record) bool {
	switch {
	case !f.Since.IsZero() && r.Time.Before(f.Since),
		!f.Until.IsZero() && !r.Time.Before(f.Until),
		f.Decision != "" && f.Decision != r.Decision,
		f.Socket != "" && !like(f.Socket, r.Socket),
		len(f.Ops) > 0 && !slices.Contains(f.Ops, r.Op),
		slices.Contains(f.NotOps, r.Op),
		len(f.IDs) > 0 && !slices.Contains(f.IDs, r.ID):
		return false
	}
	return f.matchKey(r.Key) && f.matchHost(r.Destination) && f.matchProgram(r.Peer)
}

func (f *Filter) matchKey(k *Key) bool {
	return f.Key == "" || k != nil && like(f.Key, k.Name, k.Fingerprint)
}

func (f *Filter) matchHost(d *keys.Destination) bool {
	if f.Host == "" {
		return true
	}
	return d != nil && (like(f.Host, d.Claimed, d.Host.Fingerprint) || like(f.Host, d.Host.Names...))
}

func (f *Filter) matchProgram(p *Peer) bool {
	return f.Program == "" || p != nil && like(f.Program, p.Program, p.Exe)
}

// like matches as a search does, "*" across "/" too.
func like(pattern string, texts ...string) bool {
	flat := strings.NewReplacer("/", "\x00", "[", `\[`)
	for _, text := range texts {
		if text == "" {
			continue
		}
		if ok, _ := path.Match(flat.Replace(pattern), strings.ReplaceAll(text, "/", "\x00")); ok || pattern == text {
			return true
		}
	}
	return false
}
