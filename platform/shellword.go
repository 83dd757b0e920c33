package platform

import "strings"

// ShellWord returns text as one word of a POSIX shell's command, in quotes if it needs
// them: for a command that a person is told to run. A file may have any name, also one
// that a shell would take for a second command.
func ShellWord(text string) string {
	if text != "" && !strings.ContainsFunc(text, isSpecial) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// isSpecial is cautious: only what no shell gives a meaning to needs no quotes.
func isSpecial(r rune) bool {
	plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !plain && !strings.ContainsRune("/._-+:@%,=", r)
}
