package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// GitSetup is what git needs to sign with a key and to verify the signatures. The
// settings are those of git-config(1), "gpg.format" and below.
type GitSetup struct {
	Settings [][2]string // names and values
	Signers  string      // path of the file of allowed signers
	Line     string      // the key's line in it (ssh-keygen(1), ALLOWED SIGNERS)
	Key      string      // authorized_keys form
}

// NewGitSetup takes a line of authorized_keys, and leaves its comment out.
func NewGitSetup(line []byte, email string) (GitSetup, error) {
	key := string(bytes.Join(bytes.Fields(line)[:2], []byte(" ")))
	signers := GitValue("gpg.ssh.allowedSignersFile")
	kept := signers != ""
	if !kept {
		dir, err := os.UserConfigDir()
		if err != nil {
			return GitSetup{}, err
		}
		signers = filepath.Join(dir, "git", "allowed_signers")
	}
	setup := GitSetup{
		Settings: [][2]string{
			{"gpg.format", "ssh"},
			{"user.signingkey", "key::" + key},
			{"commit.gpgsign", "true"},
			{"tag.gpgsign", "true"},
		},
		Signers: withHome(signers),
		Line:    email + ` namespaces="git" ` + key,
		Key:     key,
	}
	if !kept {
		setup.Settings = append(setup.Settings, [2]string{"gpg.ssh.allowedSignersFile", signers})
	}
	return setup, nil
}

// GitValue reads a value of git's configuration, or "" if it is not set.
func GitValue(name string) string {
	out, err := platform.Command(context.Background(), "git", "config", "--global", "--get", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// withHome resolves the "~/" that git allows in a path.
func withHome(path string) string {
	home, err := os.UserHomeDir()
	if rest, ok := strings.CutPrefix(path, "~/"); ok && err == nil {
		return filepath.Join(home, rest)
	}
	return path
}

// Apply sets git up, and calls done after each setting.
func (s GitSetup) Apply(done func(name, value string)) error {
	if err := s.allow(); err != nil {
		return err
	}
	for _, setting := range s.Settings {
		if out, err := platform.Command(context.Background(), "git", "config", "--global", setting[0], setting[1]).CombinedOutput(); err != nil {
			return problem.With(fmt.Errorf("git did not accept %s: %s", setting[0], platform.Escape(strings.TrimSpace(string(out)), maxText)), "try it by hand: git config --global %s", setting[0])
		}
		done(setting[0], setting[1])
	}
	return nil
}

// allow adds the key's line to the allowed signers, unless it is there.
func (s GitSetup) allow() error {
	data, err := os.ReadFile(s.Signers)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for line := range bytes.Lines(data) {
		if string(bytes.TrimSpace(line)) == s.Line {
			return nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(s.Signers), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(s.Signers, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	line := s.Line + "\n"
	if len(data) > 0 && data[len(data)-1] != '\n' {
		line = "\n" + line
	}
	_, err = file.WriteString(line)
	return errors.Join(err, file.Close())
}
