package platform

import (
	"slices"
	"strings"
)

// A command line can hold secrets, and much that says nothing to a person. Of
// all arguments only a sub-command is shown, of programs that are known to have some.
var withSubCommands = []string{
	"git", "jj", "hg", "svn", "gh", "glab",
	"go", "cargo", "npm", "pnpm", "yarn", "pip", "nix", "make", "just",
	"docker", "podman", "kubectl", "helm", "terraform", "tofu", "ansible", "vagrant",
	"borg", "restic", "rclone",
}

// maxSubCommand bounds one: git's longest has 21 characters.
const maxSubCommand = 24

// SubCommand is the word that says what the program was told to do: "push" for
// git push, "" where there is none or it is no plain word. It is the program's
// own word, and needs no escaping.
func (p Process) SubCommand() string {
	if !slices.Contains(withSubCommands, p.Name) || len(p.Args) == 0 {
		return ""
	}
	args := p.Args[1:]
	if p.Name == "git" {
		args = afterOptions(args)
	}
	if len(args) == 0 || !isWord(args[0]) {
		return ""
	}
	return args[0]
}

// afterOptions skips git's own options, of which two take another argument.
func afterOptions(args []string) []string {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		skip := 1
		if args[0] == "-C" || args[0] == "-c" {
			skip = 2
		}
		args = args[min(skip, len(args)):]
	}
	return args
}

// isWord is true for what a sub-command looks like: "rebase", "cherry-pick".
func isWord(s string) bool {
	if s == "" || len(s) > maxSubCommand || s[0] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}
