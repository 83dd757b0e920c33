package inventory

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
)

// gitTime is the longest that git may take: it only reads its files.
const gitTime = 10 * time.Second

// maxSigners bounds git's list of signers.
const maxSigners = 8 << 20

// git reads the key that git signs with, and the keys whose signatures it accepts.
func (m *machine) git(ctx context.Context) {
	if gitSetting(ctx, "gpg.format") == "ssh" {
		m.signingKey(ctx, gitSetting(ctx, "user.signingkey"))
	}
	if path := gitSetting(ctx, "gpg.ssh.allowedSignersFile"); path != "" {
		m.allowedSigners(expandHome(path))
	}
}

// signingKey is a path, or a public key after "key::" (git-config(1)).
func (m *machine) signingKey(ctx context.Context, value string) {
	literal := strings.TrimPrefix(value, "key::")
	if public, comment, _, _, err := publickey.ParseLine([]byte(literal)); err == nil {
		m.signs(m.key(public, comment))
		return
	}
	path := expandHome(value)
	if !filepath.IsAbs(path) {
		return
	}
	m.file(ctx, path)
	if content, _, err := readFile(path, maxKeyFile); err == nil {
		defer clear(content)
		if file, ok := readKeyFile(content); ok && file.public != nil {
			m.signs(m.key(file.public, file.comment))
		}
	}
}

// allowedSigners reads the keys of ssh-keygen(1)'s ALLOWED SIGNERS format.
func (m *machine) allowedSigners(path string) {
	m.checkWritable(path, "list of signers")
	content, _, err := readFile(path, maxSigners)
	if err != nil {
		m.notRead(path, err)
		return
	}
	for line := range bytes.Lines(content) {
		principals, rest := publickey.CutField(publickey.Trim(line))
		if bytes.HasPrefix(principals, []byte("#")) {
			continue
		}
		if public, _, _, _, err := publickey.ParseLine(rest); err == nil {
			m.key(public, string(principals))
		}
	}
}

func gitSetting(ctx context.Context, name string) string {
	out, _ := runGit(ctx, "", "config", "--global", "--includes", "--get", name)
	return strings.TrimSpace(out)
}

// checkGit reports a private key file in a git work tree: the next "git add ." publishes it.
func (m *machine) checkGit(ctx context.Context, found lifecycle.Copy) {
	dir := filepath.Dir(found.Path)
	if !inWorkTree(dir) {
		return
	}
	f := lifecycle.Finding{Kind: "private-key-in-git", Row: 10, Fingerprint: found.Fingerprint, Path: found.Path}
	switch {
	case succeeds(ctx, dir, "ls-files", "--error-unmatch", "--", found.Path):
		f.Severity, f.What = lifecycle.Serious, "this private key file is in a git repository: whoever has a clone has the key"
		f.Remedy = "keybroker rotate KEY --to OTHER: removing the file leaves it in the history"
	case succeeds(ctx, dir, "check-ignore", "--quiet", "--", found.Path):
		return
	default:
		f.Severity, f.What = lifecycle.Warning, "this private key file lies in a git work tree and is not ignored"
		f.Remedy = "keybroker keys import --delete " + platform.ShellWord(found.Path)
	}
	m.finding(f)
}

// inWorkTree looks for .git in the directory and those above it.
func inWorkTree(dir string) bool {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		above := filepath.Dir(dir)
		if above == dir {
			return false
		}
		dir = above
	}
}

func succeeds(ctx context.Context, dir string, args ...string) bool {
	_, err := runGit(ctx, dir, args...)
	return err == nil
}

// runGit runs git so that a repository's own configuration starts no program.
func runGit(ctx context.Context, dir string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	args = append([]string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull}, args...)
	cmd := platform.Command(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	return string(out), err
}
