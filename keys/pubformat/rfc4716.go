package pubformat

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// The limits and markers of RFC 4716 section 3.
const (
	maxLine        = 72   // bytes of a line, without its end
	maxHeaderTag   = 64   // bytes of a header-tag
	maxHeaderValue = 1024 // bytes of a header-value
	beginMarker    = "---- BEGIN SSH2 PUBLIC KEY ----"
	endMarker      = "---- END SSH2 PUBLIC KEY ----"
)

func marshalRFC4716(blob []byte, comment string) []byte {
	var out strings.Builder
	out.WriteString(beginMarker + "\n")
	if comment != "" {
		writeHeader(&out, `Comment: "`+comment+`"`)
	}
	for body := base64.StdEncoding.EncodeToString(blob); body != ""; {
		n := min(maxLine, len(body))
		out.WriteString(body[:n] + "\n")
		body = body[n:]
	}
	out.WriteString(endMarker + "\n")
	return []byte(out.String())
}

// writeHeader breaks a header that is longer than a line: a backslash at the
// end of a line continues it (section 3.3).
func writeHeader(out *strings.Builder, header string) {
	n := breakAt(header, true)
	for n < len(header) {
		out.WriteString(header[:n] + "\\\n")
		header = header[n:]
		n = breakAt(header, false)
	}
	out.WriteString(header + "\n")
}

// breakAt returns how much of header goes on this line. It does not break within a
// character, and never puts ": " on a continuation line: OpenSSH would read that line
// as a new header and then lose a line of the body.
func breakAt(header string, first bool) int {
	n := len(header)
	if n > maxLine {
		for n = maxLine - 1; !utf8.RuneStart(header[n]); n-- {
		}
	}
	if i := strings.Index(header[:n], ": "); i >= 0 && !first {
		n = i + 1
	}
	return n
}

// parseRFC4716 reads one key. As section 3 demands, it accepts any line end, ignores
// the case of tags and skips unknown headers. Like OpenSSH, it accepts longer lines.
func parseRFC4716(data []byte) (ssh.PublicKey, string, error) {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	text, found := strings.CutSuffix(text, "\n"+endMarker)
	if !found {
		return nil, "", errors.New("read the RFC 4716 key: its last line is missing or something follows it")
	}
	lines := strings.Split(strings.TrimPrefix(text, beginMarker), "\n")[1:]
	comment, body, err := headers(lines)
	if err != nil {
		return nil, "", fmt.Errorf("read the RFC 4716 key: %w", err)
	}
	blob, err := base64.StdEncoding.DecodeString(strings.Join(body, ""))
	if err != nil {
		return nil, "", fmt.Errorf("read the RFC 4716 key: %w", err)
	}
	pub, err := publickey.Parse(blob)
	if err != nil {
		return nil, "", fmt.Errorf("read the RFC 4716 key: %w", err)
	}
	return pub, comment, nil
}

// headers reads the headers and returns the lines after them. Without a Comment, the
// Subject (who made the key) is the comment.
func headers(lines []string) (comment string, body []string, err error) {
	var subject string
	for len(lines) > 0 && strings.Contains(lines[0], ":") {
		var header string
		if header, lines, err = joined(lines); err != nil {
			return "", nil, err
		}
		tag, value, _ := strings.Cut(header, ":")
		value = strings.TrimPrefix(value, " ")
		if len(tag) > maxHeaderTag || len(value) > maxHeaderValue {
			return "", nil, fmt.Errorf("the header %.20q is too long (tag %d, value %d bytes at most)", tag, maxHeaderTag, maxHeaderValue)
		}
		switch {
		case strings.EqualFold(tag, "Comment"):
			comment = unquote(value)
		case strings.EqualFold(tag, "Subject"):
			subject = value
		}
	}
	if comment == "" {
		comment = subject
	}
	return comment, lines, nil
}

// joined joins the continued lines of the first header.
func joined(lines []string) (header string, rest []string, err error) {
	for i, line := range lines {
		part, more := strings.CutSuffix(line, "\\")
		header += part
		if !more {
			return header, lines[i+1:], nil
		}
		if len(header) > maxHeaderTag+len(": ")+maxHeaderValue {
			break
		}
	}
	return "", nil, errors.New("a header is too long or has no end")
}

func unquote(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}
