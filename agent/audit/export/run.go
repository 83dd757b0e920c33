package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/problem"
)

// keepEvery is how often a follower writes its position: after a crash, at most so much is
// exported again.
const keepEvery = time.Second

// Options say what Run exports, and how.
type Options struct {
	Format string
	Source Source
	Filter audit.Filter // its After is set by Run
	After  uint64       // only records after the one with this number
	State  string       // the file that keeps the position, which then says where to begin; "": none
	Follow bool         // go on with each new record until the context ends
	Fault  func(error)  // is told of each line of the log that is no record
}

// Run writes the records of the log in dir to out. With a State, a record may come twice
// after a crash, and none is left out.
func Run(ctx context.Context, dir string, out io.Writer, o Options) error {
	position, err := o.begin(dir)
	if err != nil {
		return err
	}
	e := exporter{Options: o, out: bufio.NewWriter(out), position: position, kept: position}
	if e.writer, err = New(o.Format, e.out, o.Source); err != nil {
		return err
	}
	if position.Seq == 0 {
		if err := e.writer.Head(); err != nil {
			return err
		}
	}
	o.Filter.After = position.Seq
	records := audit.Read(dir, o.Filter)
	if o.Follow {
		records = audit.FollowAll(ctx, dir, o.Filter)
	}
	return e.run(records)
}

// begin is the position after which the export begins.
func (o *Options) begin(dir string) (Position, error) {
	if o.State == "" {
		return Position{Seq: o.After}, nil
	}
	position, err := ReadPosition(o.State)
	if err == nil {
		err = position.Check(dir)
	}
	return position, err
}

// exporter writes records, and keeps how far it came.
type exporter struct {
	Options
	out      *bufio.Writer
	writer   Writer
	position Position

	kept    Position // in the file
	keptAt  time.Time
	faulted int
}

// run exports the records. A line of the log that is no record is reported and left out:
// whoever can damage one line must not silence what follows.
func (e *exporter) run(records iter.Seq2[audit.Record, error]) error {
	for record, err := range records {
		if err != nil {
			e.faulted++
			e.Fault(err)
			continue
		}
		if err := e.record(record); err != nil {
			return err
		}
	}
	err := errors.Join(e.out.Flush(), e.keep())
	if err == nil && e.faulted > 0 {
		err = problem.With(fmt.Errorf("%d lines of the log are no records that the broker wrote", e.faulted), "see what was changed: keybroker log verify")
	}
	return err
}

func (e *exporter) record(record audit.Record) error {
	if err := e.writer.Record(record); err != nil {
		return err
	}
	e.position = Position{Seq: record.Seq, Hash: record.Hash}
	if !e.Follow {
		return nil
	}
	if err := e.out.Flush(); err != nil || time.Since(e.keptAt) < keepEvery {
		return err
	}
	return e.keep()
}

// keep writes the position, after what it is of was written.
func (e *exporter) keep() error {
	if e.State == "" || e.position == e.kept {
		return nil
	}
	e.kept, e.keptAt = e.position, time.Now()
	if err := e.position.Write(e.State); err != nil {
		return problem.WithDefault(err, "give --state a file in a directory that you may write to")
	}
	return nil
}
