package ways

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/platform"
)

// Limits of the Assuan protocol (its manual, "Client requests").
const (
	// maxAssuanLine is the longest line of either side, newline included.
	maxAssuanLine = 1000
	// maxAssuanData bounds what one command may answer: a passphrase.
	maxAssuanData = 4096
	// maxAssuanReplies bounds the lines of one answer, so that a program
	// that talks for ever is stopped.
	maxAssuanReplies = 1000
)

var errAssuanLine = errors.New("the line is too long")

// assuanError is an ERR line. Its code carries the source of the error in the
// upper bits (libgpg-error), so that only the lower 16 are compared.
type assuanError struct {
	code uint32
	text string
}

func (e *assuanError) Error() string { return fmt.Sprintf("assuan: error %d: %s", e.code, e.text) }

// is tells whether the error has this libgpg-error code, whoever raised it.
func (e *assuanError) is(code uint32) bool { return e.code&0xffff == code }

// assuan is the client's side of one conversation. The buffer is its own, not
// a bufio.Reader's, because secrets pass through and it must be wiped.
type assuan struct {
	r          io.Reader
	w          io.Writer
	buf        [maxAssuanLine]byte
	start, end int
}

// wipe removes what was read.
func (a *assuan) wipe() { clear(a.buf[:]) }

// line returns the next line without its newline. It is valid until the next call.
func (a *assuan) line() ([]byte, error) {
	for {
		if i := bytes.IndexByte(a.buf[a.start:a.end], '\n'); i >= 0 {
			line := a.buf[a.start : a.start+i]
			a.start += i + 1
			return line, nil
		}
		if a.start > 0 {
			copy(a.buf[:], a.buf[a.start:a.end])
			a.start, a.end = 0, a.end-a.start
		}
		if a.end == len(a.buf) {
			return nil, errAssuanLine
		}
		n, err := a.r.Read(a.buf[a.end:])
		a.end += n
		if n == 0 && err != nil {
			return nil, err
		}
	}
}

// greeting reads the server's first OK.
func (a *assuan) greeting() error {
	_, err := a.reply()
	return err
}

// set sends a command with a text argument, percent-escaped and cut to what a
// line holds.
func (a *assuan) set(command, text string) error {
	_, err := a.call(command + " " + assuanEscape(text, maxAssuanLine-len(command)-2))
	return err
}

// call sends a line and returns the data of the answer; the caller wipes it.
func (a *assuan) call(line string) ([]byte, error) {
	if len(line) >= maxAssuanLine || strings.ContainsAny(line, "\r\n") {
		return nil, errAssuanLine
	}
	if _, err := io.WriteString(a.w, line+"\n"); err != nil {
		return nil, err
	}
	return a.reply()
}

// bye ends the conversation. The program must have nothing more to say.
func (a *assuan) bye() error {
	if _, err := a.call("BYE"); err != nil {
		return err
	}
	if _, err := a.line(); err == nil || a.start != a.end {
		return errors.New("it said more than it was asked")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// reply reads up to the OK or ERR that ends an answer.
func (a *assuan) reply() (data []byte, err error) {
	data = make([]byte, 0, maxAssuanData) // one piece: growing would leave copies behind
	defer func() {
		if err != nil {
			clear(data[:cap(data)])
			data = nil
		}
	}()
	for range maxAssuanReplies {
		line, err := a.line()
		if err != nil {
			return data, err
		}
		word, rest, _ := bytes.Cut(line, []byte(" "))
		switch string(word) {
		case "OK":
			return data, nil
		case "ERR":
			return data, parseAssuanError(rest)
		case "D":
			if data, err = appendUnescaped(data, rest); err != nil {
				return data, err
			}
		case "INQUIRE": // nothing that a prompt program may ask is ours to tell
			if _, err := io.WriteString(a.w, "CAN\n"); err != nil {
				return data, err
			}
		case "S":
		default:
			if len(line) == 0 || line[0] != '#' {
				return data, errors.New("the answer is not of the protocol")
			}
		}
	}
	return data, errors.New("the answer has no end")
}

func parseAssuanError(rest []byte) error {
	code, text, _ := strings.Cut(string(rest), " ")
	n, err := strconv.ParseUint(code, 10, 32)
	if err != nil || n&0xffff == 0 { // code 0 would read as success
		return errors.New("an error without a code")
	}
	return &assuanError{code: uint32(n), text: platform.Escape(text, confirm.MaxLong)}
}

// appendUnescaped undoes %XX in place of a data line, within dst's capacity.
func appendUnescaped(dst, src []byte) ([]byte, error) {
	for i := 0; i < len(src); i++ {
		c := src[i]
		if c == '%' {
			if i+2 >= len(src) || !isHex(src[i+1]) || !isHex(src[i+2]) {
				return dst, errors.New("a broken percent escape")
			}
			c = unhex(src[i+1])<<4 | unhex(src[i+2])
			i += 2
		}
		if len(dst) == cap(dst) {
			return dst, errors.New("the answer is too long")
		}
		dst = append(dst, c)
	}
	return dst, nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// assuanEscape escapes what would end a line or start an escape, and drops
// the rest of a text that is longer than max once escaped. It never cuts a
// character or an escape in two.
func assuanEscape(s string, max int) string {
	var b strings.Builder
	for _, r := range s {
		piece := string(r)
		if r < 0x20 || r == '%' || r == 0x7f {
			piece = fmt.Sprintf("%%%02X", r)
		}
		if b.Len()+len(piece) > max {
			break
		}
		b.WriteString(piece)
	}
	return b.String()
}

// assuanLen is the length of s once escaped.
func assuanLen(s string) int { return len(assuanEscape(s, math.MaxInt)) }
