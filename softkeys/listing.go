package softkeys

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
)

// Limits on what is read from the directory.
const (
	maxPublicFile = pubformat.MaxSize
	maxKeyFile    = 64 << 10 // an RSA key of 16384 bits takes 14 KiB sealed
	maxProofFile  = 1 << 10
)

// entry is one key in the directory.
type entry struct {
	info     keys.Info // without PublicKey when that cannot be read, or is another key's
	blob     []byte    // what NAME.pub holds, whoever wrote it
	modified time.Time // of NAME.pub
	damage   string    // why it cannot be used; "" when nothing is known
	remedy   string    // what to do about that
	proved   bool      // name, comment and public key are those that were sealed
	stamps   platform.Stamps
}

// listing is the directory at one moment. It is never changed once made.
type listing struct {
	stamps  platform.Stamps // of the directory: the package itself only renames, links and removes files
	key     *proofKey       // that it was proved with; nil: the vault was never opened
	entries []*entry        // by name
	byName  map[string]*entry
	byBlob  map[string]*entry
	err     error // the directory cannot be read
}

// scan reads dir, and proves what it finds when key is there. A file that is
// broken spoils itself only. What is as it was before is not read again: each key that is
// sealed changes the directory.
func scan(dir string, key *proofKey, before *listing) *listing {
	l := &listing{key: key, byName: map[string]*entry{}, byBlob: map[string]*entry{}}
	l.stamps.Take(dir)
	if l.err = platform.CheckTrustedDir(dir); l.err != nil {
		l.stamps.Distrust()
		return l
	}
	files, err := platform.ListNames(dir)
	if err != nil {
		l.err = fmt.Errorf("list the keys: %w", err)
		l.stamps.Distrust()
	}
	for _, name := range names(files) {
		e := before.unchanged(name, key)
		if e == nil {
			e = readEntry(dir, name, key)
		}
		if e.damage != "" { // mended in place, it leaves the directory as it was
			l.stamps.Distrust()
		}
		if e.info.PublicKey != nil {
			if first := l.byBlob[string(e.blob)]; first != nil {
				e.spoil("it is the same key as "+first.info.Name, "see which of the two is yours: "+first.info.Name+" or "+name)
			} else {
				l.byBlob[string(e.blob)] = e
			}
		}
		l.entries = append(l.entries, e)
		l.byName[name] = e
	}
	return l
}

// unchanged returns a copy of the entry of a name, which may be spoiled as another key's, or
// nil where its files must be read.
func (l *listing) unchanged(name string, key *proofKey) *entry {
	if l == nil || l.key != key {
		return nil
	}
	e := l.byName[name]
	if e == nil || e.damage != "" || !e.stamps.Unchanged() {
		return nil
	}
	again := *e
	return &again
}

// names returns the keys that any file is there for. Files beginning with a
// dot are the temporary ones of a writer.
func names(files []string) []string {
	var names []string
	seen := map[string]bool{}
	for _, file := range files {
		name, isPublic := strings.CutSuffix(file, ".pub")
		if !isPublic {
			var isPrivate bool
			if name, isPrivate = strings.CutSuffix(file, ".age"); !isPrivate {
				continue
			}
		}
		if CheckName(name) == nil && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// keepFiles is the remedy where nothing better is known: any file of the three
// may be the only copy that is left.
const keepFiles = "bring its files back from a backup, and keep those that are there until then"

func readEntry(dir, name string, key *proofKey) *entry {
	path := filepath.Join(dir, name)
	e := &entry{info: keys.Info{Name: name, Source: sourceName}}
	for _, suffix := range []string{".pub", ".age", proofSuffix} {
		e.stamps.Take(path + suffix)
	}
	pub, comment, modified, err := readPublic(path + ".pub")
	if err != nil {
		e.spoil(plain(err, path+".pub"), cmp.Or(problem.Remedy(err), "write it anew from the sealed key: keybroker keys repair "+name))
		return e
	}
	e.info, e.modified = keys.NewInfo(pub, comment), modified
	e.info.Name, e.info.Source, e.blob = name, sourceName, e.info.Blob
	sealed, err := readSealed(path + ".age")
	if err != nil {
		e.spoil(plain(err, path+".age"), cmp.Or(problem.Remedy(err), keepFiles))
		return e
	}
	e.check(path+proofSuffix, key, sha256.Sum256(sealed))
	return e
}

// check proves an entry, as far as it can without the vault's secret.
func (e *entry) check(path string, key *proofKey, sealed [sha256.Size]byte) {
	name := e.info.Name
	line, err := platform.ReadTrusted(path, maxProofFile)
	var p proof
	if err == nil {
		p, err = parseProof(line)
	}
	switch {
	case err != nil:
		e.spoil(plain(err, path), cmp.Or(problem.Remedy(err), "look whether it is yours, and prove it: keybroker keys repair "+name))
	case p.name != name:
		e.spoil(fmt.Sprintf("its files were renamed: it was sealed as %s", p.name),
			fmt.Sprintf("give them the name %s again; another name: keybroker keys rename %[1]s %s", p.name, name))
	case key == nil:
	case !key.holds(p, facts{name, e.info.Comment, e.blob, sealed}):
		e.spoil("another program changed its files",
			"write "+name+".pub anew from the sealed key: keybroker keys repair "+name)
	default:
		e.proved = true
	}
}

// spoil takes an entry out of use: its public key could be anybody's.
func (e *entry) spoil(damage, remedy string) {
	e.damage, e.remedy = damage, remedy
	e.info.PublicKey, e.info.Blob, e.info.Fingerprint, e.info.Comment = nil, nil, "", ""
}

func readPublic(path string) (pub ssh.PublicKey, comment string, modified time.Time, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", modified, err
	}
	line, err := platform.ReadTrusted(path, maxPublicFile)
	if err != nil {
		return nil, "", modified, err
	}
	pub, comment, err = pubformat.Parse(line)
	if err != nil {
		return nil, "", modified, contentError("is not a public key")
	}
	if _, isCert := publickey.CertificateOf(pub); isCert {
		return nil, "", modified, contentError("is a certificate, not the key itself")
	}
	return pub, comment, info.ModTime(), nil
}

// readSealed reads NAME.age, and looks at its first line; the rest shows when it is opened.
func readSealed(path string) ([]byte, error) {
	sealed, err := platform.ReadPrivate(path, maxKeyFile)
	if err == nil && !bytes.HasPrefix(sealed, []byte("age-encryption.org/v1\n")) {
		err = contentError("is not an age file")
	}
	return sealed, err
}

// contentError says what is wrong with the contents of a file that could be read.
type contentError string

func (e contentError) Error() string { return string(e) }

// plain says in a few words what is wrong with a file, for Info.State.
func plain(err error, path string) string {
	name := filepath.Base(path)
	var content contentError
	var untrusted *platform.UntrustedError
	switch {
	case errors.As(err, &content):
		return name + " " + string(content)
	case errors.As(err, &untrusted):
		return name + " " + untrusted.What
	case errors.Is(err, fs.ErrNotExist):
		return name + " is missing"
	case errors.Is(err, fs.ErrPermission):
		return name + " may not be read"
	}
	return name + " cannot be read"
}
