package platform

import (
	"path/filepath"
	"strings"
)

// maxName bounds one program's name in a chain.
const maxName = 40

// arrow stands between a program and the one that started it.
const arrow = " ← "

// Chain is the program and its ancestors for a person to read:
// "ssh ← git ← zsh ← code". Names are escaped, the arrow in them too, so that
// no program can seem to be several.
func (p Peer) Chain() string {
	if !p.Identified {
		return "unknown program"
	}
	names := []string{chainName(p.Process)}
	for _, parent := range p.Parents {
		names = append(names, chainName(parent))
	}
	return strings.Join(names, arrow)
}

func chainName(p Process) string {
	return Escape(strings.ReplaceAll(p.Name, "←", `\u2190`), maxName)
}

// ShortCommand is the command line in at most max characters, with the
// program's base name only: "git commit -m 'a message'". It is made of what the
// program says about itself. Show it to the person who is asked; never log it,
// because arguments can hold secrets.
func (p Process) ShortCommand(max int) string {
	if len(p.Args) == 0 || p.Args[0] == "" {
		return Escape(p.Name, max)
	}
	words := []string{quote(filepath.Base(p.Args[0]))}
	for _, arg := range p.Args[1:] {
		words = append(words, quote(arg))
	}
	return Escape(strings.Join(words, " "), max)
}

// quote shows where an argument with spaces begins and ends, as a shell would.
func quote(arg string) string {
	if arg != "" && !strings.ContainsAny(arg, " '\"") {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
