package clientconfig

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys/ascii"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// SwitchGit makes the user's git sign with the new key where it signed with the old
// one, and call ssh with the new key where core.sshCommand named the old one. With dry
// it only says what it would change.
func (m Machine) SwitchGit(ctx context.Context, old, new lifecycle.Key, dry bool) ([]Change, error) {
	var changes []Change
	signing, err := m.signingKey(ctx, old, new)
	if err == nil && signing != nil {
		changes = append(changes, *signing)
	}
	if err == nil {
		var command *Change
		if command, err = m.sshCommand(ctx, old, new); err == nil && command != nil {
			changes = append(changes, *command)
		}
	}
	if err != nil || dry {
		return changes, err
	}
	for i, change := range changes {
		if path, public := m.fileFor(new); public != nil && change.Name == "core.sshCommand" {
			err = writePublic(path, public)
		}
		if err == nil {
			err = setGit(ctx, change.Name, change.Old, change.New)
		}
		if err != nil {
			return changes[:i], err
		}
	}
	return changes, nil
}

// signingKey changes user.signingkey. git takes a literal key, with or without "key::",
// or the path of a file.
func (m Machine) signingKey(ctx context.Context, old, new lifecycle.Key) (*Change, error) {
	value := gitValue(ctx, "user.signingkey", "--includes")
	literal := strings.TrimPrefix(value, "key::")
	if fields := strings.Fields(literal); len(fields) >= 2 && fields[1] == blobText(old) || m.names(ctx, value, old) {
		if err := isOwn(ctx, "user.signingkey", value); err != nil {
			return nil, err
		}
		return &Change{Name: "user.signingkey", Old: value, New: "key::" + new.Type + " " + blobText(new)}, nil
	}
	return nil, nil
}

// sshCommand changes the file after -i, or of IdentityFile, in core.sshCommand.
func (m Machine) sshCommand(ctx context.Context, old, new lifecycle.Key) (*Change, error) {
	value := gitValue(ctx, "core.sshCommand", "--includes")
	parts := strings.Split(value, " ")
	at := slices.IndexFunc(parts, func(part string) bool { return m.names(ctx, pathIn(part), old) })
	if at < 0 {
		return nil, nil
	}
	if err := isOwn(ctx, "core.sshCommand", value); err != nil {
		return nil, err
	}
	file := pathIn(parts[at])
	if strings.ContainsAny(value, "\\'\"$`") {
		return nil, problem.With(fmt.Errorf("git's core.sshCommand names the key and has quotation marks: %s", platform.Escape(value, 100)), "change it by hand: git config --global core.sshCommand")
	}
	path, _ := m.fileFor(new)
	if strings.ContainsAny(path, " \\'\"$`") {
		path = "'" + path + "'"
	}
	parts[at] = strings.Replace(parts[at], file, path, 1)
	return &Change{Name: "core.sshCommand", Old: value, New: strings.Join(parts, " ")}, nil
}

// pathIn is the path of "-i/path", "IdentityFile=/path" and "/path".
func pathIn(word string) string {
	word = strings.TrimPrefix(word, "-i")
	word = strings.TrimPrefix(word, "-o")
	if name, value, found := strings.Cut(word, "="); found && ascii.EqualFold(name, "IdentityFile") {
		return value
	}
	return word
}

// gitValue reads a value of the user's git configuration, "" if there is none, or no git.
func gitValue(ctx context.Context, name, includes string) string {
	out, err := platform.Command(ctx, "git", "config", "--global", includes, "--null", "--get", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(out), "\x00")
}

// isOwn refuses a value that comes from an included file: git would write another one.
func isOwn(ctx context.Context, name, value string) error {
	if gitValue(ctx, name, "--no-includes") == value {
		return nil
	}
	return problem.With(fmt.Errorf("a file that git's configuration includes sets %s to the old key", name), "change it there by hand, then resume the plan: git config --global --includes --show-origin --get %s", name)
}

// setGit changes a value that is still old. git edits its own file.
func setGit(ctx context.Context, name, old, new string) error {
	out, err := platform.Command(ctx, "git", "config", "--global", "--fixed-value", "--replace-all", name, new, old).CombinedOutput()
	if err != nil {
		return problem.With(fmt.Errorf("git did not change %s: %s", name, platform.Escape(strings.TrimSpace(string(out)), 200)), "change it by hand: git config --global %s", name)
	}
	return nil
}

func undoGit(ctx context.Context, change Change) error {
	now := gitValue(ctx, change.Name, "--no-includes")
	switch {
	case now == change.Old:
		return nil
	case now != change.New:
		return problem.With(fmt.Errorf("git's %s was changed since then", change.Name), "change it back by hand: git config --global %s %s", change.Name, platform.ShellWord(change.Old))
	}
	return setGit(ctx, change.Name, change.New, change.Old)
}
