package platform

import "strings"

// maxName bounds one program's name in a chain. maxPath bounds the path that may begin
// the chain: when a line of 80 characters loses its middle, both ends of the path must
// remain.
const (
	maxName = 40
	maxPath = 28
)

// arrow stands between a program and the one that started it.
const arrow = " ← "

// Chain is the program and its ancestors for a person to read:
// "ssh ← git ← zsh ← code". A program outside the system's directories begins it
// with its path. Names are escaped, the arrow in them too, so that no program can
// seem to be several.
func (p Peer) Chain() string {
	if p.Outside() {
		p.Name = Escape(p.Executable, maxPath)
	}
	return p.chain(Process.escapedName)
}

// Commands is Chain with sub-commands and scripts: "ssh ← git push ← zsh ← code". Show
// it to the person who is asked; do not log it.
func (p Peer) Commands() string { return p.chain(Process.Title) }

func (p Peer) chain(name func(Process) string) string {
	if !p.Identified {
		return "unknown program"
	}
	names := []string{name(p.Process)}
	for _, parent := range p.Parents {
		names = append(names, name(parent))
	}
	return strings.Join(names, arrow)
}

func (p Process) escapedName() string {
	return Escape(strings.ReplaceAll(p.Name, "←", `\u2190`), maxName)
}
