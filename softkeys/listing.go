package softkeys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/softkeys/pubformat"
)

// Limits on what is read from the directory.
const (
	maxPublicFile = pubformat.MaxSize
	maxKeyFile    = 64 << 10 // an RSA key of 16384 bits takes 14 KiB sealed
)

// settleTime is how old a change of the directory must be before its time
// stamp is trusted to show the next one: file systems stamp in steps, of
// milliseconds (ext4) to two seconds (FAT).
const settleTime = 2 * time.Second

// entry is one key in the directory.
type entry struct {
	info     keys.Info // without PublicKey when NAME.pub cannot be read
	modified time.Time // of NAME.pub
	damage   string    // why it cannot be used; "" when nothing is known
}

// listing is the directory at one moment. It is never changed once made.
type listing struct {
	stamp   stamp
	settled bool
	entries []*entry // by name
	byBlob  map[string]*entry
	err     error // the directory cannot be read
}

// stamp is what changes when files come and go, all of which the package does
// by renaming, linking and removing.
type stamp struct {
	modified time.Time
	size     int64
}

func stampOf(dir string) stamp {
	info, err := os.Stat(dir)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// scan reads dir. A file that is broken spoils itself only.
func scan(dir string) *listing {
	l := &listing{stamp: stampOf(dir), byBlob: map[string]*entry{}}
	l.settled = time.Since(l.stamp.modified) > settleTime
	files, err := os.ReadDir(dir) // sorted by name
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.err = fmt.Errorf("softkeys: list the keys: %w", err)
	}
	for _, name := range names(files) {
		e := readEntry(dir, name)
		if blob := string(e.info.Blob); blob != "" {
			if first := l.byBlob[blob]; first != nil {
				e.info.PublicKey, e.info.Blob = nil, nil
				e.damage = "it is the same key as " + first.info.Name
			} else {
				l.byBlob[blob] = e
			}
		}
		l.entries = append(l.entries, e)
	}
	return l
}

// names returns the keys that any file is there for. Files beginning with a
// dot are the temporary ones of a writer.
func names(files []fs.DirEntry) []string {
	var names []string
	seen := map[string]bool{}
	for _, file := range files {
		name, isPublic := strings.CutSuffix(file.Name(), ".pub")
		if !isPublic {
			var isPrivate bool
			if name, isPrivate = strings.CutSuffix(file.Name(), ".age"); !isPrivate {
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

func readEntry(dir, name string) *entry {
	path := filepath.Join(dir, name+".pub")
	pub, comment, modified, err := readPublic(path)
	if err != nil {
		return &entry{info: keys.Info{Name: name, Source: sourceName}, damage: err.Error()}
	}
	e := &entry{info: keys.NewInfo(pub, comment), modified: modified}
	e.info.Name, e.info.Source = name, sourceName
	if err := checkSealed(filepath.Join(dir, name+".age")); err != nil {
		e.damage = err.Error()
	}
	return e
}

func readPublic(path string) (pub ssh.PublicKey, comment string, modified time.Time, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", modified, plainError(err, path)
	}
	line, err := readFile(path, maxPublicFile)
	if err != nil {
		return nil, "", modified, plainError(err, path)
	}
	pub, comment, err = pubformat.Parse(line)
	if err != nil {
		return nil, "", modified, fmt.Errorf("%s is not a public key", filepath.Base(path))
	}
	if _, isCert := pub.(*ssh.Certificate); isCert {
		return nil, "", modified, fmt.Errorf("%s is a certificate, not the key itself", filepath.Base(path))
	}
	return pub, comment, info.ModTime(), nil
}

// checkSealed looks at the first line only; the rest shows when it is opened.
func checkSealed(path string) error {
	file, err := openNonblocking(path)
	if err != nil {
		return plainError(err, path)
	}
	defer file.Close()
	const header = "age-encryption.org/v1\n"
	begin := make([]byte, len(header))
	if _, err := io.ReadFull(file, begin); err != nil || !bytes.Equal(begin, []byte(header)) {
		return fmt.Errorf("%s is not an age file", filepath.Base(path))
	}
	return nil
}

// plainError says in a few words what is wrong with a file, for Info.State.
func plainError(err error, path string) error {
	switch name := filepath.Base(path); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing", name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read", name)
	default:
		return fmt.Errorf("%s cannot be read", name)
	}
}

// readFile reads a regular file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	file, err := openNonblocking(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", path, limit)
	}
	return io.ReadAll(io.LimitReader(file, limit))
}
