package hosts

import (
	"bytes"
	"crypto/rand"
	"os"
	"sync"
)

// said is what ssh writes to its standard error. It is a pipe that stays open here for
// writing, so that text can mark how far ssh had come.
type said struct {
	to, from *os.File

	one  sync.Mutex // one text at a time
	mu   sync.Mutex // guards the fields that follow
	data []byte     // the beginning, up to maxLog
	mark []byte     // what text waits for; nil: nothing
	held []byte     // the beginning of mark, perhaps
	seen chan struct{}
}

func newSaid() (*said, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s := &said{from: from, to: to}
	go s.read()
	return s, nil
}

func (s *said) read() {
	buf := make([]byte, 32<<10)
	for {
		n, err := s.from.Read(buf)
		s.take(buf[:n])
		if err != nil {
			s.from.Close()
			return
		}
	}
}

// take keeps b without the mark.
func (s *said) take(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mark == nil {
		s.keep(b)
		return
	}
	b = append(s.held, b...)
	before, after, found := bytes.Cut(b, s.mark)
	if found {
		s.keep(before)
		s.keep(after)
		s.mark, s.held = nil, nil
		close(s.seen)
		return
	}
	whole := len(b) - beginningAtEnd(b, s.mark)
	s.keep(b[:whole])
	s.held = bytes.Clone(b[whole:])
}

func (s *said) keep(b []byte) { s.data = append(s.data, b[:min(len(b), maxLog-len(s.data))]...) }

// beginningAtEnd is how many bytes at the end of b are the beginning of mark.
func beginningAtEnd(b, mark []byte) int {
	for n := min(len(b), len(mark)-1); n > 0; n-- {
		if bytes.HasSuffix(b, mark[:n]) {
			return n
		}
	}
	return 0
}

// text is all that ssh has written before the call, and perhaps more. A reader that
// lags behind would see a log that the server has filled, and not the line after it.
func (s *said) text() string {
	s.one.Lock()
	defer s.one.Unlock()
	mark := []byte("mark " + rand.Text() + "\n") // no server can know it
	seen := make(chan struct{})
	s.mu.Lock()
	s.mark, s.seen = mark, seen
	s.mu.Unlock()
	if _, err := s.to.Write(mark); err == nil {
		<-seen
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.data)
}

// end is called when ssh has ended, and closes the pipe after all was read.
func (s *said) end() {
	s.text()
	s.to.Close()
}
