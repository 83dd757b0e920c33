package audit

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
)

const (
	// chunkRecords is how many records one chunk has at most: few enough to be read
	// in the blink of an eye, and enough that ten million records have 2,500 chunks.
	chunkRecords = 4096
	// maxChunkIDs bounds the refused requests whose IDs a chunk knows.
	maxChunkIDs = 512
)

// chunk is what can be known of successive records without reading them. It tells a
// reader which ones it may leave out.
type chunk struct {
	At        int64     `json:"at"`   // offset in the month's file
	To        int64     `json:"to"`   // offset after the last line
	Line      int       `json:"line"` // number of the first line, from 1
	Records   int       `json:"records"`
	Faulty    bool      `json:"faulty,omitempty"` // it has a line that is no record
	Since     time.Time `json:"since"`            // earliest and latest record; the clock may have gone back between them
	Until     time.Time `json:"until"`
	Ops       set       `json:"ops"`            // bits by opIndex
	Decisions set       `json:"decisions"`      // bits by decisionIndex
	IDs       []byte    `json:"ids,omitempty"`  // four bytes of the hash of each refused request's ID
	More      bool      `json:"more,omitempty"` // there are more refused requests
	Seq       uint64    `json:"seq"`            // of the last record
	Hash      string    `json:"hash"`           // of the last record; "": there is none
}

// set is a set of small numbers.
type set uint64

func (s *set) add(i int)     { *s |= 1 << min(i, 63) }
func (s set) has(i int) bool { return s&(1<<min(i, 63)) != 0 }

// The index keeps operations as their place in keys.Ops; a later version's count as one
// more. indexVersion changes when keys.Ops does.
func opIndex(op keys.Op) int {
	if i := slices.Index(keys.Ops, op); i >= 0 {
		return i
	}
	if op == "" {
		return 62
	}
	return 63
}

func decisionIndex(decision string) int {
	if i := slices.Index([]string{Allowed, Refused, Note}, decision); i >= 0 {
		return i
	}
	return 63
}

func (c *chunk) add(g *glimpse, to int64) {
	if c.Records == 0 {
		c.Since, c.Until = g.time, g.time
	}
	c.Records, c.To, c.Seq, c.Hash = c.Records+1, to, g.seq, g.hash
	if g.time.Before(c.Since) {
		c.Since = g.time
	}
	if g.time.After(c.Until) {
		c.Until = g.time
	}
	c.Ops.add(opIndex(g.op))
	c.Decisions.add(decisionIndex(g.decision))
	if g.decision == Refused {
		c.addIDs(idHash(string(g.id)))
	}
}

func (c *chunk) join(next chunk) {
	c.To, c.Faulty = next.To, c.Faulty || next.Faulty
	if next.Records == 0 {
		return
	}
	if c.Records == 0 {
		c.Since, c.Until = next.Since, next.Until
	}
	c.Records, c.Seq, c.Hash = c.Records+next.Records, next.Seq, next.Hash
	if next.Since.Before(c.Since) {
		c.Since = next.Since
	}
	if next.Until.After(c.Until) {
		c.Until = next.Until
	}
	c.Ops |= next.Ops
	c.Decisions |= next.Decisions
	c.More = c.More || next.More
	c.addIDs(next.IDs)
}

func (c *chunk) addIDs(ids []byte) {
	if len(c.IDs)+len(ids) > 4*maxChunkIDs {
		c.More = true
		return
	}
	c.IDs = append(c.IDs, ids...)
}

func idHash(id string) []byte {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id)) // never fails
	return hash.Sum(nil)
}

// may reports whether the filter can choose a record of the chunk.
func (c *chunk) may(f *Filter) bool {
	switch {
	case c.Faulty:
		return true
	case c.Seq <= f.After,
		!f.Since.IsZero() && c.Until.Before(f.Since),
		!f.Until.IsZero() && !c.Since.Before(f.Until),
		f.Decision != "" && !c.Decisions.has(decisionIndex(f.Decision)),
		len(f.Ops) > 0 && !slices.ContainsFunc(f.Ops, func(op keys.Op) bool { return c.Ops.has(opIndex(op)) }):
		return false
	}
	if len(f.NotOps) > 0 {
		left := c.Ops
		for _, op := range f.NotOps {
			if i := opIndex(op); i < 62 {
				left &^= 1 << i
			}
		}
		if left == 0 {
			return false
		}
	}
	return f.Decision != Refused || len(f.IDs) == 0 || c.More || slices.ContainsFunc(f.IDs, c.hasID)
}

func (c *chunk) hasID(id string) bool {
	want := binary.BigEndian.Uint32(idHash(id))
	for ids := c.IDs; len(ids) >= 4; ids = ids[4:] {
		if binary.BigEndian.Uint32(ids) == want {
			return true
		}
	}
	return false
}
