package audit

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/problem"
)

// position is where in the log reading ends.
type position struct {
	month string
	to    int64
}

// theEnd is the end of the log, wherever that is.
var theEnd = position{"9999-99", math.MaxInt64}

// summarize reads the log in dir from its index on: the parts of its months, oldest
// first. What was summed up before may stand in the last of them.
func summarize(ctx context.Context, dir string) ([]*part, error) {
	known, err := readIndex(dir, withTotal)
	if err != nil {
		known = nil // the log itself says it all, and why it cannot be read
	}
	list, err := months(dir)
	if err != nil {
		return nil, err
	}
	var parts []*part
	for _, month := range list {
		p := partIn(known, month)
		if err := p.readOn(ctx, dir, theEnd, nil); err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, ctx.Err()
}

// partIn returns the part of a month, or a new one.
func partIn(known []*part, month string) *part {
	for _, p := range known {
		if p.Month == month {
			return p
		}
	}
	return newPart(month, 0)
}

// readOn reads the lines after the part, up to end. also, if not nil, is called with
// what was read, piece by piece.
func (p *part) readOn(ctx context.Context, dir string, end position, also func(*part)) error {
	file, err := openFile(filepath.Join(dir, fileOf(p.Month)), os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	to := info.Size()
	if p.Month == end.month {
		to = min(to, end.to)
	}
	var rest int64
	for next, err := range inBlocks(ctx, file, p.To, to, &rest, func(b block) *part { return partOf(p.Month, b) }) {
		if err != nil {
			return err
		}
		p.join(next)
		if also != nil {
			also(next)
		}
	}
	return ctx.Err()
}

// faultsOf names the first unusable lines of the log.
func faultsOf(dir string, parts []*part) (faults []error) {
	for _, p := range parts {
		for _, f := range p.Faults {
			if len(faults) < maxFaults {
				faults = append(faults, fmt.Errorf("%s:%d: %s", filepath.Join(dir, fileOf(p.Month)), f.Line, f.Why))
			}
		}
		if p.Cut {
			faults = append(faults, problem.With(fmt.Errorf("%s has more keys and places than are told apart (%d)", fileOf(p.Month), maxPlaces),
				"what is said of the others is a lower bound; see: keybroker log --key NAME"))
		}
	}
	return faults
}

// following reports whether the chain goes on through the parts.
func following(parts []*part) bool {
	var last link
	for _, p := range parts {
		if p.Breaks > 0 || len(p.Faults) > 0 || last.Seq > 0 && p.Last.Seq > 0 && (p.First.Seq != last.Seq+1 || p.First.Hash != last.Hash) {
			return false
		}
		if p.Last.Seq > 0 {
			last = p.Last
		}
	}
	return true
}
