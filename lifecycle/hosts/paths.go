package hosts

import (
	"path"
	"strconv"
	"strings"
)

// account is what the tokens of AuthorizedKeysFile stand for.
type account struct {
	name, home string
	uid        int // -1: not known
}

// expand fills in the tokens of an entry of AuthorizedKeysFile. A path that is not
// absolute is below the home directory. It returns false where a token is not known.
func (a account) expand(entry string) (string, bool) {
	var full strings.Builder
	for i := 0; i < len(entry); i++ {
		if entry[i] != '%' {
			full.WriteByte(entry[i])
			continue
		}
		if i++; i == len(entry) {
			return "", false
		}
		switch entry[i] {
		case '%':
			full.WriteByte('%')
		case 'h':
			full.WriteString(a.home)
		case 'u':
			full.WriteString(a.name)
		case 'U':
			if a.uid < 0 {
				return "", false
			}
			full.WriteString(strconv.Itoa(a.uid))
		default:
			return "", false
		}
	}
	expanded := strings.ReplaceAll(full.String(), "__PROGRAMDATA__", "/C:/ProgramData")
	if !path.IsAbs(expanded) {
		expanded = a.home + "/" + expanded
	}
	return path.Clean(expanded), true
}

// isGlob is true for an entry that sshd of OpenSSH 10.0 and later expands.
func isGlob(entry string) bool { return strings.ContainsAny(entry, "*?[") }

// matchesName is glob(3) for one name: a leading dot is matched by a dot alone.
func matchesName(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	matched, err := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), name)
	return err == nil && matched
}
