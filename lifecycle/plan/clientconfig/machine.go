package clientconfig

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// Machine is the configuration of one user on this machine.
type Machine struct {
	Home    string // of the user
	Backups string // directory for copies of what is changed
}

// Change is one setting that was changed.
type Change struct {
	File   string `json:"file,omitempty"`   // of ssh_config
	Name   string `json:"name,omitempty"`   // of git: "user.signingkey"
	Line   int    `json:"line,omitempty"`   // from 1
	Old    string `json:"old"`              // the line, or the value of git
	New    string `json:"new"`              //
	Backup string `json:"backup,omitempty"` // copy of the file before
}

// SwitchSSH makes ~/.ssh/config name the new key for host wherever it named the old one.
// No changes and no error: it does not name the old one. With dry it only says what it
// would change.
func (m Machine) SwitchSSH(ctx context.Context, host string, old, new lifecycle.Key, dry bool) ([]Change, error) {
	path := filepath.Join(m.Home, ".ssh", "config")
	text, err := platform.ReadRegular(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	newFile, newPublic := m.fileFor(new)
	after, edits, err := SSH(string(text), host, m.short(newFile), func(value string) bool { return m.names(ctx, value, old) })
	if errors.Is(err, ErrUnused) {
		return nil, m.includedUse(ctx, string(text), host, old)
	}
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, edit := range edits {
		changes = append(changes, Change{File: path, Line: edit.Line, Old: edit.Old, New: edit.New})
	}
	if dry {
		return changes, nil
	}
	backup, err := m.backup(text, "ssh_config")
	if err == nil && newPublic != nil {
		err = writePublic(newFile, newPublic)
	}
	if err == nil {
		err = replaceFile(path, text, []byte(after))
	}
	for i := range changes {
		changes[i].Backup = backup
	}
	return changes, err
}

// includedUse tells a key that nothing names from one that an included file, or the
// system's ssh_config, names.
func (m Machine) includedUse(ctx context.Context, text, host string, old lifecycle.Key) error {
	if !Includes(text) {
		return nil
	}
	for _, file := range effective(ctx, filepath.Join(m.Home, ".ssh", "config"), host, "identityfile") {
		if m.names(ctx, file, old) && !m.isDefault(file) {
			return problem.With(fmt.Errorf("a file that ssh_config includes names the key for %s (%s)", host, file), "change it there by hand, then resume the plan")
		}
	}
	return nil
}

// isDefault is true for the names that ssh tries when nothing is configured.
func (m Machine) isDefault(file string) bool {
	name := filepath.Base(file)
	return filepath.Dir(m.expand(file)) == filepath.Join(m.Home, ".ssh") && strings.HasPrefix(name, "id_")
}

// effective asks ssh what it would use for a host.
func effective(ctx context.Context, config, host, keyword string) (values []string) {
	out, err := platform.Command(ctx, "ssh", "-T", "-G", "-F", config, "--", host).Output()
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(out)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == keyword {
			values = append(values, value)
		}
	}
	return values
}

// names reports whether a value of IdentityFile is the key: the file's own public half,
// or that of the file beside it.
func (m Machine) names(ctx context.Context, value string, key lifecycle.Key) bool {
	path := m.expand(value)
	if path == "" || !filepath.IsAbs(path) {
		return false
	}
	for _, candidate := range []string{path, path + ".pub"} {
		if data, err := platform.ReadRegular(candidate, maxFile); err == nil && bytes.Contains(data, []byte(blobText(key))) {
			return true
		}
	}
	out, err := platform.Command(ctx, "ssh-keygen", "-l", "-E", "sha256", "-f", path).Output()
	return err == nil && strings.Contains(" "+string(out), " "+key.Fingerprint+" ")
}

func blobText(key lifecycle.Key) string { return base64.StdEncoding.EncodeToString(key.Blob) }

// expand resolves what ssh_config(5) allows in IdentityFile and is the same for every
// connection. A value with other tokens is nothing that can be compared.
func (m Machine) expand(value string) string {
	if rest, ok := strings.CutPrefix(value, "~/"); ok {
		value = filepath.Join(m.Home, rest)
	}
	value = strings.ReplaceAll(value, "%d", m.Home)
	if strings.Contains(value, "%") || strings.Contains(value, "${") {
		return ""
	}
	return value
}

// fileFor is the file that stands for a key in IdentityFile: its private key in ~/.ssh,
// or else its public half, by which ssh finds the key in the agent. public is what to
// write into that file if it is not there.
func (m Machine) fileFor(key lifecycle.Key) (path string, public []byte) {
	line := key.Type + " " + blobText(key)
	matches, _ := filepath.Glob(filepath.Join(m.Home, ".ssh", "*.pub"))
	for _, file := range matches {
		data, err := platform.ReadRegular(file, maxFile)
		if err != nil || !bytes.Contains(data, []byte(line)) {
			continue
		}
		if private := strings.TrimSuffix(file, ".pub"); isRegular(private) {
			return private, nil
		}
		return file, nil
	}
	return filepath.Join(m.Home, ".ssh", fileName(key)+".pub"), []byte(line + "\n")
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// fileName is the key's name if it can be one of a file, and never one that ssh tries by
// itself.
func fileName(key lifecycle.Key) string {
	name := "keybroker-" + strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, firstName(key))
	return name[:min(len(name), 60)]
}

func firstName(key lifecycle.Key) string {
	if len(key.Names) > 0 && key.Names[0] != "" {
		return key.Names[0]
	}
	return strings.TrimPrefix(key.Fingerprint, "SHA256:")
}

// short writes a path below the home as ssh_config has it.
func (m Machine) short(path string) string {
	if rest, ok := strings.CutPrefix(path, m.Home+string(filepath.Separator)); ok {
		return "~/" + filepath.ToSlash(rest)
	}
	return path
}

// backup keeps a copy on this machine.
func (m Machine) backup(data []byte, name string) (string, error) {
	if err := os.MkdirAll(m.Backups, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(m.Backups, fmt.Sprintf("%s-%x", name, sha256.Sum256(data)))
	return path, platform.WriteFileAtomic(path, data, 0o600)
}

func writePublic(path string, data []byte) error {
	err := platform.WriteNewFile(path, data, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return problem.With(fmt.Errorf("%s is there and has another key", path), "rename or remove it, then resume the plan")
	}
	return err
}

// replaceFile replaces what path leads to, so that a link into a directory of dotfiles
// stays one. before guards against another editor.
func replaceFile(path string, before, after []byte) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	now, err := platform.ReadRegular(real, maxFile)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, before) {
		return problem.With(fmt.Errorf("%s was changed by another program", path), "resume the plan")
	}
	return platform.WriteFileAtomic(real, after, info.Mode().Perm())
}

// Undo takes changes back, the last one first. A setting that was changed again since
// then stays as it is, with an error.
func (m Machine) Undo(ctx context.Context, changes []Change) error {
	var all []error
	for i := len(changes) - 1; i >= 0; i-- {
		change := changes[i]
		if change.Name != "" {
			all = append(all, undoGit(ctx, change))
		} else {
			all = append(all, undoSSH(change))
		}
	}
	return errors.Join(all...)
}

func undoSSH(change Change) error {
	text, err := platform.ReadRegular(change.File, maxFile)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(text), "\n")
	at := change.Line - 1
	if at >= len(lines) || strings.TrimSpace(lines[at]) != change.New {
		for at = range lines { // lines may have moved
			if strings.TrimSpace(lines[at]) == change.New {
				break
			}
		}
	}
	switch {
	case strings.TrimSpace(lines[at]) == change.New:
		lines[at] = strings.Replace(lines[at], change.New, change.Old, 1)
		return replaceFile(change.File, text, []byte(strings.Join(lines, "")))
	case strings.Contains(string(text), change.Old):
		return nil
	}
	return problem.With(fmt.Errorf("%s was changed since then", change.File), "change it back by hand: %s", change.Old)
}
