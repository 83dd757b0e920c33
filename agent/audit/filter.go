package audit

import (
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// Filter chooses records; the zero value chooses all. Key, Host, Program and
// Socket are lists of patterns, as for keys.ParsePatterns.
type Filter struct {
	Since, Until time.Time // Since is included, Until is not
	Key          string    // name or fingerprint
	Host         string    // name (proved or claimed) or fingerprint of the destination
	Program      string    // base name or path
	Decision     string
	Socket       string    // name of a [[socket]] table
	Ops          []keys.Op // only these; nil: all
	NotOps       []keys.Op // but not these
	IDs          []string
	After        uint64 // only records with a higher number
	Last         int    // Read: only the last so many; 0: all. Follow: how many old records come first
}

func (f *Filter) match(r *Record) bool {
	return f.matchEnds(r.Seq, r.Time, r.ID, r.Op, r.Decision) && (f.Socket == "" || matches(f.Socket, r.Socket)) &&
		f.matchKey(r.Key) && (f.matchHost(r.Destination) || f.matchStep(r.Step)) && f.matchProgram(r.Peer)
}

// matchEnds compares what a glimpse has.
func (f *Filter) matchEnds(seq uint64, at time.Time, id string, op keys.Op, decision string) bool {
	switch {
	case seq <= f.After,
		!f.Since.IsZero() && at.Before(f.Since),
		!f.Until.IsZero() && !at.Before(f.Until),
		f.Decision != "" && f.Decision != decision,
		len(f.Ops) > 0 && !slices.Contains(f.Ops, op),
		slices.Contains(f.NotOps, op),
		len(f.IDs) > 0 && !slices.Contains(f.IDs, id):
		return false
	}
	return true
}

func (f *Filter) matchKey(k *Key) bool {
	return f.Key == "" || k != nil && matches(f.Key, k.Name, k.Fingerprint)
}

func (f *Filter) matchHost(d *keys.Destination) bool {
	if f.Host == "" || d == nil {
		return f.Host == ""
	}
	names := append([]string{d.Claimed, d.Host.Fingerprint}, d.Host.Names...)
	return keys.ParsePatterns(f.Host, keys.FoldASCII).MatchHost(present(names)...)
}

// matchStep compares the host that a lifecycle step names.
func (f *Filter) matchStep(s *Step) bool {
	return s != nil && s.Host != "" && keys.ParsePatterns(f.Host, keys.FoldASCII).MatchHost(s.Host)
}

func (f *Filter) matchProgram(p *Peer) bool {
	return f.Program == "" || p != nil && matches(f.Program, p.Program, p.Exe)
}

func matches(list string, texts ...string) bool {
	return keys.ParsePatterns(list, 0).Match(present(texts)...)
}

// present drops the texts that a record does not have: "*" must not match them.
func present(texts []string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}
