package audit

import (
	"bufio"
	"errors"
	"io"
)

// lineReader reads lines of bounded length, so that a broken file cannot use up the
// memory.
type lineReader struct {
	r    *bufio.Reader
	line int   // number of the last line, from 1
	end  int64 // offset after the last complete line
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, MaxLine)}
}

var errTooLong = errors.New("it is longer than any record")

// next returns the next line without its newline, valid until the next call. At
// the end it returns io.EOF and what follows the last newline.
func (l *lineReader) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, l.skip(int64(len(line)))
	}
	if err != nil {
		return line, err
	}
	l.line++
	l.end += int64(len(line))
	return line[:len(line)-1], nil
}

// skip reads to the end of a line that is too long. n is what was read of it.
func (l *lineReader) skip(n int64) error {
	for {
		more, err := l.r.ReadSlice('\n')
		n += int64(len(more))
		switch {
		case err == nil || errors.Is(err, io.EOF): // no writer leaves so long a line without an end
			l.line++
			l.end += n
			return errTooLong
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
