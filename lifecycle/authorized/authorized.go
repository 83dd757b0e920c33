// Package authorized is the line model of authorized_keys: what sshd makes of each
// line, and edits that keep every other line to the byte.
//
// It reads lines by sshd's own rules (auth2-pubkeyfile.c, sshd(8)), not by those of a
// friendlier parser: a line that sshd passes over lets nobody in, and a line that it
// accepts in an odd form does. The identity of a line is the key, so that the same key
// with other options, in another spelling of base64 or with padded numbers is the same.
//
// The package is pure: it opens no file.
package authorized

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"

	"golang.org/x/crypto/ssh"
)

// File is the lines of one file. Its methods change it in place.
type File struct {
	Lines []Line
}

// Line is one line. Lines without Blob are blank, comments, or what sshd passes over.
type Line struct {
	Number int    // from 1
	Offset int    // of the line's first byte in the file
	Raw    []byte // with the line's end, if it has one

	Key     ssh.PublicKey // nil: a type that this program does not know
	Type    string        // as in the blob: "ssh-ed25519"
	Blob    []byte        // RFC 4253 section 6.6, as sshd would write it; nil: the line has no key
	Options []string      // as they are written: `from="10.0.0.0/8"`
	Comment string

	// Dead says why sshd lets nobody in by this line although it has a key. A server
	// of another version may: an edit treats the line like the others.
	Dead string

	Quarantined bool   // keybroker commented it out; the fields above are those of the line before that
	Note        string // that the quarantine was given
}

// Parse splits data into lines. It has no errors: sshd has none either.
func Parse(data []byte) *File {
	f := new(File)
	for offset := 0; offset < len(data); {
		end := len(data)
		if at := bytes.IndexByte(data[offset:], '\n'); at >= 0 {
			end = offset + at + 1
		}
		line := parseLine(bytes.Clone(data[offset:end]), offset == 0)
		line.Number, line.Offset = len(f.Lines)+1, offset
		f.Lines = append(f.Lines, line)
		offset = end
	}
	return f
}

// Bytes returns the file.
func (f *File) Bytes() []byte {
	var data []byte
	for _, line := range f.Lines {
		data = append(data, line.Raw...)
	}
	return data
}

// With returns the lines with the key that are not quarantined. blob may be in any
// form that Canonical takes.
func (f *File) With(blob []byte) []Line {
	var found []Line
	for _, line := range f.Lines {
		if line.has(blob) && !line.Quarantined {
			found = append(found, line)
		}
	}
	return found
}

func (l Line) has(blob []byte) bool {
	return l.Blob != nil && bytes.Equal(l.Blob, Canonical(blob))
}

// LetsIn reports whether sshd looks at the line's key when somebody logs in.
func (l Line) LetsIn() bool { return l.Blob != nil && l.Dead == "" && !l.Quarantined }

// Fingerprint is the key's as ssh-keygen -l prints it; "" without a key.
func (l Line) Fingerprint() string {
	if l.Blob == nil {
		return ""
	}
	return Fingerprint(l.Blob)
}

// Fingerprint is the SHA-256 fingerprint of a key.
func Fingerprint(blob []byte) string {
	sum := sha256.Sum256(Canonical(blob))
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// renumber is called after each change of the lines.
func (f *File) renumber() {
	offset := 0
	for i := range f.Lines {
		f.Lines[i].Number, f.Lines[i].Offset = i+1, offset
		offset += len(f.Lines[i].Raw)
	}
}
