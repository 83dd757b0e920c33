package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/spf13/cobra"
)

func newKeysGitCommand(a *app) *cobra.Command {
	var set bool
	var email string
	cmd := &cobra.Command{
		Use:   "git NAME",
		Short: "Show, or set, the git configuration that signs commits with a key",
		Long: `Show the commands that make git sign commits and tags with a key of the broker,
and verify them. With --set it runs them, for the user's global git configuration.
NAME is the key's name or fingerprint.

It works for every key that "keybroker keys list" shows, including keys on cards:
git finds the key through SSH_AUTH_SOCK and needs no file.`,
		Example: `  keybroker keys git work
  keybroker keys git yubikey-12345678-9a --set`,
		Args:              exactArgs(1),
		ValidArgsFunction: a.completeKeys,
		RunE: a.withStore(func(cmd *cobra.Command, store *softkeys.Store, args []string) error {
			public, err := a.export(cmd.Context(), store, args[0], pubformat.OpenSSH)
			if err != nil {
				return err
			}
			setup, err := gitSetupFor(public, email)
			if err != nil {
				return err
			}
			if set {
				return setup.apply(cmd.OutOrStdout())
			}
			setup.print(cmd.OutOrStdout())
			return nil
		}),
	}
	cmd.Flags().BoolVar(&set, "set", false, "run the commands")
	cmd.Flags().StringVar(&email, "email", "", "e-mail address of the signer (default: git's user.email)")
	return cmd
}

// gitSetup is what git needs to sign with a key and to verify the signatures. The
// settings are those of git-config(1), "gpg.format" and below.
type gitSetup struct {
	settings [][2]string
	signers  string // path of the file of allowed signers
	line     string // the key's line in it (ssh-keygen(1), ALLOWED SIGNERS)
	key      string // authorized_keys form
}

// gitSetupFor takes a line of authorized_keys, and leaves its comment out.
func gitSetupFor(line []byte, email string) (gitSetup, error) {
	key := string(bytes.Join(bytes.Fields(line)[:2], []byte(" ")))
	if email == "" {
		email = gitValue("user.email")
	}
	if email == "" || strings.ContainsAny(email, " \t\r\n\",") {
		return gitSetup{}, usageError{problem.New("git has no usable user.email", "give one: --email you@example.com")}
	}
	signers := gitValue("gpg.ssh.allowedSignersFile")
	kept := signers != ""
	if !kept {
		dir, err := os.UserConfigDir()
		if err != nil {
			return gitSetup{}, err
		}
		signers = filepath.Join(dir, "git", "allowed_signers")
	}
	setup := gitSetup{
		settings: [][2]string{
			{"gpg.format", "ssh"},
			{"user.signingkey", "key::" + key},
			{"commit.gpgsign", "true"},
			{"tag.gpgsign", "true"},
		},
		signers: withHome(signers),
		line:    email + ` namespaces="git" ` + key,
		key:     key,
	}
	if !kept {
		setup.settings = append(setup.settings, [2]string{"gpg.ssh.allowedSignersFile", signers})
	}
	return setup, nil
}

// gitValue reads a value of git's configuration, or "" if it is not set.
func gitValue(name string) string {
	out, err := exec.Command("git", "config", "--global", "--get", name).Output()
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

func (s gitSetup) print(w io.Writer) {
	for _, setting := range s.settings {
		fmt.Fprintf(w, "git config --global %s %s\n", setting[0], quote(setting[1], `'\''`))
	}
	fmt.Fprintf(w, "mkdir -p %s\n", quote(filepath.Dir(s.signers), `'\''`))
	fmt.Fprintf(w, "echo %s >> %s\n", quote(s.line, `'\''`), quote(s.signers, `'\''`))
	fmt.Fprintf(w, "\n# The key for your forge, as a signing key:\n# %s\n", s.key)
}

func (s gitSetup) apply(w io.Writer) error {
	if err := s.allow(); err != nil {
		return err
	}
	for _, setting := range s.settings {
		if out, err := exec.Command("git", "config", "--global", setting[0], setting[1]).CombinedOutput(); err != nil {
			return problem.With(fmt.Errorf("git did not accept %s: %s", setting[0], platform.Escape(strings.TrimSpace(string(out)), maxCell)), "try it by hand: git config --global %s", setting[0])
		}
		fmt.Fprintf(w, "%s = %s\n", setting[0], setting[1])
	}
	fmt.Fprintf(w, "%s lists the key.\n\nPut it on your forge, as a signing key:\n\n  %s\n", s.signers, s.key)
	return nil
}

// allow adds the key's line to the allowed signers, unless it is there.
func (s gitSetup) allow() error {
	data, err := os.ReadFile(s.signers)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for line := range bytes.Lines(data) {
		if string(bytes.TrimSpace(line)) == s.line {
			return nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(s.signers), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(s.signers, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	line := s.line + "\n"
	if len(data) > 0 && data[len(data)-1] != '\n' {
		line = "\n" + line
	}
	_, err = file.WriteString(line)
	return errors.Join(err, file.Close())
}
