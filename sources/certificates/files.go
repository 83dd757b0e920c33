package certificates

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
)

const (
	// maxFiles bounds the files that are read, and looked at for each list.
	maxFiles = 256

	suffix = "-cert.pub"
)

// file is one certificate's file.
type file struct {
	path        string
	certificate ssh.PublicKey // nil: problem says why
	blob, plain []byte        // of the certificate, and of the key that it certifies
	problem     string
	remedy      string // "": replace it
}

// listing is the two directories at one moment. It is never changed once made.
type listing struct {
	stamps  platform.Stamps // of the directories, and of each file: programs that renew certificates may write into it
	files   []*file
	byBlob  map[string]*file
	problem string // what else is to be said
}

// current returns the listing, read again when something changed.
func (s *Source) current() *listing {
	s.mu.Lock()
	l := s.listing
	s.mu.Unlock()
	if l != nil && l.stamps.Unchanged() {
		return l
	}
	l = s.scan()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listing = l
	return l
}

// scan reads both directories. A file that is broken spoils itself only.
func (s *Source) scan() *listing {
	l := &listing{byBlob: map[string]*file{}}
	l.read(s.config.SealedKeys, suffix, s.besideKey)
	l.read(s.config.Dir, ".pub", func(string) []byte { return nil })
	return l
}

// besideKey is the key that a file's name says it is for.
func (s *Source) besideKey(path string) []byte {
	line, err := readFile(strings.TrimSuffix(path, suffix) + ".pub")
	if err != nil {
		return []byte{}
	}
	pub, _, err := pubformat.Parse(line)
	if err != nil {
		return []byte{}
	}
	return pub.Marshal()
}

// read adds the files of one directory. keyOf is the key that a file has to
// certify; nil: any.
func (l *listing) read(dir, suffix string, keyOf func(path string) []byte) {
	l.stamps.Take(dir)
	names, err := platform.ListNames(dir)
	if err != nil {
		l.problem = fmt.Sprintf("the certificates in %s cannot be read: %v", dir, err)
		l.stamps.Distrust()
	}
	for _, name := range names {
		if !strings.HasSuffix(name, suffix) || strings.HasPrefix(name, ".") {
			continue
		}
		if len(l.files) == maxFiles {
			l.problem = fmt.Sprintf("there are more than %d certificates; the rest is left out", maxFiles)
			return
		}
		path := filepath.Join(dir, name)
		l.stamps.Take(path)
		l.add(readCertificate(path, keyOf(path)))
	}
}

func (l *listing) add(f *file) {
	l.files = append(l.files, f)
	if f.certificate == nil { // its key, or what kept it from being read, may come or go unseen
		l.stamps.Distrust()
		return
	}
	if first := l.byBlob[string(f.blob)]; first != nil {
		f.certificate, f.problem = nil, "it is the same as "+first.path
		return
	}
	l.byBlob[string(f.blob)] = f
}

func readCertificate(path string, key []byte) *file {
	data, err := readFile(path)
	if untrusted, ok := errors.AsType[*platform.UntrustedError](err); ok {
		return &file{path: path, problem: "it " + untrusted.What, remedy: untrusted.Remedy()}
	}
	if err != nil {
		return &file{path: path, problem: err.Error(), remedy: problem.Remedy(err)}
	}
	cert, err := Parse(data)
	if err != nil {
		return &file{path: path, problem: err.Error()}
	}
	certified := publickey.Certified(cert)
	plain := certified.Marshal()
	if key != nil && len(key) == 0 {
		return &file{path: path, problem: "there is no key of that name beside it"}
	}
	if key != nil && !bytes.Equal(plain, key) {
		return &file{path: path, problem: fmt.Sprintf("it is for another key than the one beside it: for %s", ssh.FingerprintSHA256(certified))}
	}
	return &file{path: path, certificate: cert, blob: cert.Marshal(), plain: plain}
}

// readFile waits for nothing, and reads what only this user and root may write.
func readFile(path string) ([]byte, error) { return platform.ReadTrusted(path, pubformat.MaxSize) }
