package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"sync"
)

// blockSize is how much of a file one core reads at a time: room for a thousand
// records, and four times that for the longest line.
const blockSize = 4 * MaxLine

// block is whole lines of a file.
type block struct {
	data    []byte
	from    int64 // where they begin in the file
	tooLong int64 // instead of data: the length of a line that is longer than any record
}

var buffers = sync.Pool{New: func() any { return new([blockSize]byte) }}

// inBlocks reads a file between two offsets, works on its blocks on all cores, and
// yields the results in the order of the file. A result may refer to the block's data
// until yield returns. What follows the last newline is left out; rest is told its length.
func inBlocks[T any](ctx context.Context, r io.ReaderAt, from, to int64, rest *int64, work func(block) T) iter.Seq2[T, error] {
	type outcome struct {
		result T
		err    error
		buffer *[blockSize]byte
	}
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		ordered := make(chan chan outcome, runtime.GOMAXPROCS(0))
		var group sync.WaitGroup
		defer group.Wait()
		defer cancel()
		group.Go(func() {
			defer close(ordered)
			for from < to && ctx.Err() == nil {
				buffer := buffers.Get().(*[blockSize]byte)
				b, next, err := readBlock(r, buffer[:], from, to)
				if next == from && err == nil {
					*rest = to - from
					return
				}
				from = next
				one := make(chan outcome, 1)
				select {
				case ordered <- one:
				case <-ctx.Done():
					return
				}
				group.Go(func() {
					if err != nil {
						one <- outcome{err: err}
						return
					}
					one <- outcome{work(b), nil, buffer}
				})
				if err != nil {
					return
				}
			}
		})
		for one := range ordered {
			done := <-one
			more := yield(done.result, done.err)
			if done.buffer != nil {
				buffers.Put(done.buffer)
			}
			if !more {
				return
			}
		}
	}
}

// readBlock reads as many whole lines as fit in buffer. It returns where the next block
// begins; from itself: there is no newline up to to.
func readBlock(r io.ReaderAt, buffer []byte, from, to int64) (block, int64, error) {
	data := buffer[:min(int64(len(buffer)), to-from)]
	n, err := r.ReadAt(data, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return block{}, from, err
	}
	data = data[:n]
	if i := bytes.LastIndexByte(data, '\n'); i >= 0 {
		return block{data: data[:i+1], from: from}, from + int64(i) + 1, nil
	}
	if n < len(buffer) {
		return block{}, from, nil
	}
	for at := from + int64(n); at < to; { // a line that is too long
		n, err := r.ReadAt(buffer[:min(int64(len(buffer)), to-at)], at)
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			return block{}, from, err
		}
		if i := bytes.IndexByte(buffer[:n], '\n'); i >= 0 {
			next := at + int64(i) + 1
			return block{from: from, tooLong: next - from}, next, nil
		}
		at += int64(n)
	}
	return block{from: from, tooLong: to - from}, to, nil // no writer leaves so long a line without an end
}

// lines yields the lines of the block without their newlines. A line that is too long
// comes as nil.
func (b *block) lines() iter.Seq2[[]byte, int64] {
	return func(yield func(line []byte, size int64) bool) {
		if b.tooLong > 0 {
			yield(nil, b.tooLong)
			return
		}
		for data := b.data; len(data) > 0; {
			i := bytes.IndexByte(data, '\n')
			line := data[:i]
			if i >= MaxLine {
				line = nil
			}
			if !yield(line, int64(i+1)) {
				return
			}
			data = data[i+1:]
		}
	}
}
