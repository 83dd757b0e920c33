package platform

import (
	"slices"
	"strings"
)

// A command line can hold secrets, and much of it means nothing to a person. So only
// the sub-command is shown, and only of programs that are known to have them.
var withSubCommands = []string{
	"git", "jj", "hg", "svn", "gh", "glab",
	"go", "cargo", "npm", "pnpm", "yarn", "pip", "nix", "make", "just",
	"docker", "podman", "kubectl", "helm", "terraform", "tofu", "ansible", "vagrant",
	"borg", "restic", "rclone",
	"keybroker-lifecycle",
}

// maxSubCommand bounds one: git's longest has 21 characters.
const maxSubCommand = 24

// SubCommand returns the program's sub-command: "push" for git push, "" if there is
// none or it is not a plain word. It needs no escaping.
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

// isWord reports whether a word looks like a sub-command: "rebase", "cherry-pick".
func isWord(s string) bool {
	if s == "" || len(s) > maxSubCommand || s[0] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}
