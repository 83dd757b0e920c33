package hosts

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Types of packets (draft-ietf-secsh-filexfer-02 section 3).
const (
	packetVersion = 2
	packetName    = 104
)

// maxSnooped bounds a packet that is looked into. pkg/sftp takes none that is larger.
const maxSnooped = 256 << 10

// maxListed bounds the listings of one session, in bytes: some 100,000 names. pkg/sftp keeps
// a listing until its end, which a hostile server never sends.
const maxListed = 16 << 20

// snooped passes on what the server sends, and looks at two things on the way: that
// it begins with a packet of SFTP, and how many hard links the files of a listing have,
// which only the text of the listing says.
type snooped struct {
	r     *bufio.Reader
	begun bool
	noise error

	mu     sync.Mutex     // guards links
	links  map[string]int // by name, of the last listing
	header []byte         // of the packet that arrives
	left   int            // bytes of it that have not arrived
	body   []byte         // of a packet that is looked into

	listed  int         // bytes of listings
	endless atomic.Bool // they were more than maxListed
}

func newSnooped(r io.Reader) *snooped {
	return &snooped{r: bufio.NewReader(r), links: make(map[string]int)}
}

var errEndless = errors.New("the server lists directories without end")

// noise is text where SFTP should begin.
type noise struct{ text string }

func (n *noise) Error() string { return fmt.Sprintf("text came where SFTP begins: %.80q", n.text) }

func (s *snooped) Read(b []byte) (int, error) {
	if !s.begun {
		s.begun = true
		if head, err := s.r.Peek(5); err == nil && (binary.BigEndian.Uint32(head) > maxFirst || head[4] != packetVersion) {
			text, _ := s.r.Peek(min(s.r.Buffered(), 200))
			s.noise = &noise{string(text)}
		}
	}
	if s.noise != nil {
		return 0, s.noise
	}
	n, err := s.r.Read(b)
	s.look(b[:n])
	if s.listed > maxListed {
		s.endless.Store(true)
		return 0, errEndless
	}
	return n, err
}

// look follows the packets. It never fails: what it does not understand it passes over.
func (s *snooped) look(data []byte) {
	for len(data) > 0 {
		if s.left == 0 {
			n := min(5-len(s.header), len(data))
			s.header = append(s.header, data[:n]...)
			if data = data[n:]; len(s.header) < 5 {
				return
			}
			s.left = max(int(binary.BigEndian.Uint32(s.header))-1, 0)
		}
		n := min(s.left, len(data))
		if s.header[4] == packetName && len(s.body)+s.left <= maxSnooped {
			s.body = append(s.body, data[:n]...)
		}
		if s.header[4] == packetName {
			s.listed += n
		}
		s.left -= n
		data = data[n:]
		if s.left == 0 {
			s.note(s.body)
			s.header, s.body = s.header[:0], nil
		}
	}
}

// note reads the names of a listing: id, count, and for each name, long name, attributes.
func (s *snooped) note(body []byte) {
	if len(body) < 8 {
		return
	}
	rest := body[8:]
	for {
		name, more, ok := takeString(rest)
		if !ok {
			return
		}
		long, more, ok := takeString(more)
		if !ok {
			return
		}
		if words := strings.Fields(long); len(words) > 2 {
			if links, err := strconv.Atoi(words[1]); err == nil {
				s.mu.Lock()
				s.links[name] = links
				s.mu.Unlock()
			}
		}
		if rest, ok = skipAttributes(more); !ok {
			return
		}
	}
}

// hardLinks is how many names a file has; 0: it is not known.
func (s *snooped) hardLinks(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[name]
}

func takeString(b []byte) (string, []byte, bool) {
	if len(b) < 4 {
		return "", nil, false
	}
	length := binary.BigEndian.Uint32(b)
	if uint64(length) > uint64(len(b)-4) {
		return "", nil, false
	}
	return string(b[4 : 4+length]), b[4+length:], true
}

// skipAttributes passes over the attributes of version 3: flags, and what they announce.
func skipAttributes(b []byte) ([]byte, bool) {
	if len(b) < 4 {
		return nil, false
	}
	flags, size := binary.BigEndian.Uint32(b), 4
	for bit, length := range map[uint32]int{1: 8, 2: 8, 4: 4, 8: 8} { // size, owner and group, permissions, times
		if flags&bit != 0 {
			size += length
		}
	}
	const extended = 1 << 31
	if len(b) < size || flags&extended != 0 {
		return nil, false
	}
	return b[size:], true
}
