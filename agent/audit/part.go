package audit

import (
	"encoding/json"
	"slices"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// part is what an Index knows about successive lines of one month's file: where they
// lie, how they are chained, and what they sum up to. Parts that follow each other can
// be joined, so that a log is read in pieces at the same time.
type part struct {
	partHead
	Chunks []chunk
	sums
}

// partHead says where a part lies, and how it is chained.
type partHead struct {
	Month  string  `json:"month"`
	From   int64   `json:"from"`             // offset of the first line
	To     int64   `json:"to"`               // offset after the last one
	Lines  int     `json:"lines"`            // of all kinds
	First  link    `json:"first"`            // of the first record: Hash is its prev
	Last   link    `json:"last"`             // of the last record; Seq 0: there is none
	Breaks int     `json:"breaks,omitempty"` // records that do not follow the one before
	Faults []fault `json:"faults,omitempty"` // lines that are no records; the first maxFaults
}

// newPart is a part without lines yet, from an offset of a month's file on.
func newPart(month string, from int64) *part {
	return &part{partHead: partHead{Month: month, From: from, To: from}}
}

// link is one end of a part's chain.
type link struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

// fault is a line that is no record.
type fault struct {
	Line int    `json:"line"` // from 1
	Why  string `json:"why"`
}

// maxFaults bounds how many unusable lines are named.
const maxFaults = 10

// partOf reads the lines of a block.
func partOf(month string, b block) *part {
	p := newPart(month, b.from)
	for line, size := range b.lines() {
		p.line(line, size)
	}
	return p
}

// line adds a line of size bytes with its newline; nil: it is too long.
func (p *part) line(line []byte, size int64) {
	p.Lines++
	at := p.To
	p.To += size
	err := errTooLong
	var g glimpse
	if line != nil {
		g, err = look(line)
	}
	var detail detail
	if err == nil && needsDetail(&g) && json.Unmarshal(line, &detail) != nil {
		err = errNotJSON
	}
	if err != nil {
		p.fault(fault{p.Lines, err.Error()})
		c := p.chunk(at)
		c.To, c.Faulty = p.To, true
		return
	}
	p.add(&g, &detail, at)
}

// written adds a record that was just written.
func (p *part) written(r *Record, size int64) {
	p.Lines++
	at := p.To
	p.To += size
	g := glimpse{r.Seq, r.Time, []byte(r.ID), r.Op, r.Decision, r.Prev, r.Hash}
	p.add(&g, &detail{r.Key, r.Peer, r.Purpose, r.Destination, r.Held, r.Gone}, at)
}

func (p *part) fault(f fault) {
	if len(p.Faults) < maxFaults {
		p.Faults = append(p.Faults, f)
	}
}

func (p *part) add(g *glimpse, d *detail, at int64) {
	switch {
	case p.Last.Seq == 0:
		p.First = link{g.seq, g.prev}
	case g.seq != p.Last.Seq+1 || g.prev != p.Last.Hash:
		p.Breaks++
	}
	p.Last = link{g.seq, g.hash}
	p.chunk(at).add(g, p.To)
	p.sums.add(g, d)
}

// chunk is the one that the line at an offset belongs to.
func (p *part) chunk(at int64) *chunk {
	if n := len(p.Chunks); n == 0 || p.Chunks[n-1].Records >= chunkRecords {
		p.Chunks = append(p.Chunks, chunk{At: at, Line: p.Lines})
	}
	return &p.Chunks[len(p.Chunks)-1]
}

// join adds the part that follows in the same file.
func (p *part) join(next *part) {
	for _, f := range next.Faults {
		p.fault(fault{p.Lines + f.Line, f.Why})
	}
	before := p.Lines
	p.Lines, p.To = p.Lines+next.Lines, next.To
	p.Breaks += next.Breaks
	if next.Last.Seq > 0 {
		if p.Last.Seq == 0 {
			p.First = next.First
		} else if next.First.Seq != p.Last.Seq+1 || next.First.Hash != p.Last.Hash {
			p.Breaks++
		}
		p.Last = next.Last
	}
	for _, c := range next.Chunks {
		c.Line += before
		if n := len(p.Chunks); n > 0 && p.Chunks[n-1].Records+c.Records <= chunkRecords {
			p.Chunks[n-1].join(c)
		} else {
			p.Chunks = append(p.Chunks, c)
		}
	}
	p.sums.join(&next.sums)
}

// detail is the part of a record that is summed up.
type detail struct {
	Key         *Key              `json:"key"`
	Peer        *Peer             `json:"peer"`
	Purpose     *wire.Purpose     `json:"purpose"`
	Destination *keys.Destination `json:"destination"`
	Held        []Key             `json:"held"`
	Gone        []Key             `json:"gone"`
}

// needsDetail reports whether more of a record counts than what a glimpse has.
func needsDetail(g *glimpse) bool {
	return g.decision == Allowed && slices.Contains([]keys.Op{keys.OpSign, keys.OpAdd}, g.op) || g.op == keys.OpKeys
}
