package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
)

const (
	// maxFiles bounds the files of one directory tree that are looked at.
	maxFiles = 100_000
	// maxDepth bounds how deep a directory tree is followed.
	maxDepth = 16
)

// machine reads the key files of this user on this machine.
type machine struct {
	*collection
	home  string
	files []fs.FileInfo // private key files so far: a link to one is no copy
}

// usualNames are those of ssh-keygen. They are read first, so that a key is called by
// its usual name rather than by that of a copy.
var usualNames = []string{"id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa", "id_dsa"}

// readMachine looks at ~/.ssh, the other directories, and what ssh and git are told to use.
func readMachine(ctx context.Context, c *collection, home string, directories []string) {
	m := &machine{collection: c, home: home}
	m.sshConfig(ctx, filepath.Join(home, ".ssh", "config"))
	for _, name := range usualNames {
		if path := filepath.Join(home, ".ssh", name); exists(path) {
			m.file(ctx, path)
		}
	}
	m.directory(ctx, filepath.Join(home, ".ssh"))
	for _, directory := range directories {
		m.directory(ctx, directory)
	}
	m.knownHosts(filepath.Join(home, ".ssh", "known_hosts"))
	m.git(ctx)
	m.authorizedKeys()
}

// directory looks at every file below a directory. It follows links to files, as ssh
// does, and none to directories.
func (m *machine) directory(ctx context.Context, top string) {
	files := 0
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if path != top || !errors.Is(err, fs.ErrNotExist) {
				m.notRead(path, err)
			}
			return nil
		case entry.IsDir():
			return m.enter(top, path, entry)
		}
		if files++; files > maxFiles {
			m.notRead(top, fmt.Errorf("it has more than %d files", maxFiles))
			return fs.SkipAll
		}
		m.look(ctx, path, entry)
		return nil
	})
	if err != nil && ctx.Err() == nil {
		m.notRead(top, err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (m *machine) enter(top, path string, entry fs.DirEntry) error {
	if path == filepath.Join(m.home, ".ssh") {
		m.checkWritable(path, "directory")
	}
	below := strings.Count(strings.TrimPrefix(path, top), string(filepath.Separator))
	switch {
	case entry.Name() == ".git":
		return fs.SkipDir
	case below > maxDepth:
		m.notRead(path, fmt.Errorf("it is more than %d directories deep", maxDepth))
		return fs.SkipDir
	}
	return nil
}

// look reads one entry of a directory if it can be a key file.
func (m *machine) look(ctx context.Context, path string, entry fs.DirEntry) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		m.notRead(path, err)
	case info.IsDir():
		m.notRead(path, errors.New("it is a link to a directory, which is not followed"))
	case info.Mode().IsRegular() && info.Size() <= maxKeyFile && !hasOtherReader(entry.Name()):
		m.file(ctx, path)
	}
}

// hasOtherReader reports whether a file is read for what it is, not as a key file.
func hasOtherReader(name string) bool {
	return name == "config" || strings.HasPrefix(name, "known_hosts") || strings.HasPrefix(name, "authorized_keys") || name == "allowed_signers"
}

// file notes the key of a file, if it holds one.
func (m *machine) file(ctx context.Context, path string) {
	content, info, err := readFile(path, maxKeyFile)
	if err != nil {
		m.notRead(path, err)
		return
	}
	defer clear(content)
	file, ok := readKeyFile(content)
	if !ok {
		return
	}
	if !file.private {
		m.key(file.public, file.comment)
		return
	}
	if slices.ContainsFunc(m.files, func(other fs.FileInfo) bool { return os.SameFile(info, other) }) {
		return
	}
	m.files = append(m.files, info)
	m.copy(ctx, path, info, file)
}

// copy notes a private key file.
func (m *machine) copy(ctx context.Context, path string, info fs.FileInfo, file keyFile) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	beside, comment := publicBeside(path)
	if file.public == nil {
		file.public = beside
	}
	if file.comment == "" {
		file.comment = comment
	}
	found := lifecycle.Copy{Path: path, Format: file.format, Clear: file.clear, Modified: info.ModTime().UTC()}
	if hasModes {
		found.Mode = uint32(info.Mode().Perm())
	}
	if file.public != nil {
		found.Fingerprint = m.key(file.public, filepath.Base(path), file.comment)
	}
	m.add(func(inv *lifecycle.Inventory) { inv.Copies = append(inv.Copies, found) })
	m.checkGit(ctx, found)
}

// publicBeside reads the public key file of a private one.
func publicBeside(path string) (ssh.PublicKey, string) {
	for _, name := range []string{path + ".pub", strings.TrimSuffix(path, ".ppk") + ".pub"} {
		if content, _, err := readFile(name, maxKeyFile); err == nil {
			if public, comment, err := pubformat.Parse(content); err == nil {
				return public, comment
			}
		}
	}
	return nil, ""
}

// checkWritable reports what other users can write; ssh and sshd refuse it.
func (m *machine) checkWritable(path, what string) {
	info, err := os.Stat(path)
	if err != nil || !hasModes || info.Mode().Perm()&0o022 == 0 {
		return
	}
	m.finding(lifecycle.Finding{
		Kind: "writable-by-others", Row: 10, Severity: lifecycle.Serious, Path: path,
		What:   fmt.Sprintf("other users can write this %s (mode %#o)", what, info.Mode().Perm()),
		Remedy: "chmod go-w " + platform.ShellWord(path),
	})
}

func (m *machine) notRead(path string, err error) {
	var inPath *fs.PathError
	if errors.As(err, &inPath) {
		err = inPath.Err
	}
	m.unseen(lifecycle.Unseen{What: path, Why: err.Error()})
}
