package hosts

import (
	"path"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys/ascii"
)

// maxIncludes bounds the files that one sshd_config includes, as sshd bounds the depth.
const maxIncludes = 256

// defaultFiles is sshd's own AuthorizedKeysFile.
var defaultFiles = []string{".ssh/authorized_keys", ".ssh/authorized_keys2"}

// ServerConfig is what sshd_config says that decides who is let in, for one account.
// Where a Match cannot be decided from here, both of its answers are in Files.
type ServerConfig struct {
	Files       []string // entries of AuthorizedKeysFile, with their tokens
	Command     bool     // AuthorizedKeysCommand: keys come from a program, too
	Authorities bool     // TrustedUserCAKeys: certificates let in, too
	Uncertain   []string // the Match lines that could not be decided
}

// serverConfig reads the text of sshd_config. include returns the texts that an Include
// names; it returns false if one cannot be read.
type serverConfig struct {
	account string
	include func(pattern string) ([]string, bool)
	left    int // includes

	global, matched map[string][]string // the first value of each keyword
	maybe           map[string][][]string
	uncertain       []string
	unread          bool
}

// The answers to a Match line.
type answer int

const (
	no answer = iota
	maybe
	yes
)

func newServerConfig(account string, include func(string) ([]string, bool)) *serverConfig {
	return &serverConfig{account: account, include: include, left: maxIncludes,
		global: make(map[string][]string), matched: make(map[string][]string), maybe: make(map[string][][]string)}
}

// read takes in one file. block is whether the lines count, and inMatch whether they
// stand in a Match block: its values win over the global ones.
func (c *serverConfig) read(text string, block answer, inMatch bool) {
	outer := block
	for line := range strings.Lines(text) {
		words := fields(line)
		if len(words) == 0 {
			continue
		}
		switch keyword, values := ascii.Lower(words[0]), words[1:]; keyword {
		case "match":
			inMatch = true
			if block = min(outer, c.match(values)); block == maybe {
				c.uncertain = append(c.uncertain, strings.Join(words, " "))
			}
		case "include":
			c.includes(values, block, inMatch)
		case "authorizedkeysfile", "authorizedkeyscommand", "trustedusercakeys":
			c.set(keyword, values, block, inMatch)
		}
	}
}

// set keeps the first value, as sshd does.
func (c *serverConfig) set(keyword string, values []string, block answer, inMatch bool) {
	if block == no || len(values) == 0 {
		return
	}
	if block == maybe {
		if c.matched[keyword] == nil {
			c.maybe[keyword] = append(c.maybe[keyword], values)
		}
		return
	}
	kept := c.global
	if inMatch {
		kept = c.matched
	}
	if kept[keyword] == nil {
		kept[keyword] = values
	}
}

func (c *serverConfig) includes(patterns []string, block answer, inMatch bool) {
	for _, pattern := range patterns {
		if c.left--; c.left < 0 {
			c.unread = true
			return
		}
		texts, ok := c.include(pattern)
		c.unread = c.unread || !ok
		for _, text := range texts {
			c.read(text, block, inMatch)
		}
	}
}

// match decides a Match line: pairs of a criterion and a list of patterns. The group
// of the account and the address that sshd sees are not known here.
func (c *serverConfig) match(words []string) answer {
	result := yes
	for i := 0; i < len(words); i++ {
		criterion, list, joined := strings.Cut(words[i], "=")
		criterion = ascii.Lower(criterion)
		if criterion == "all" {
			continue
		}
		if criterion == "invalid-user" {
			return no
		}
		if !joined && i+1 < len(words) {
			i++
			list = words[i]
		}
		if criterion != "user" {
			result = min(result, maybe)
		} else if !matchesList(c.account, list) {
			return no
		}
	}
	return result
}

// matchesList is OpenSSH's match_pattern_list: a pattern after '!' that matches rules
// the whole list out.
func matchesList(name, list string) bool {
	found := false
	for pattern := range strings.SplitSeq(list, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if wildcard(pattern, name) {
			if negated {
				return false
			}
			found = true
		}
	}
	return found
}

// wildcard matches * and ?, the only special characters.
func wildcard(pattern, name string) bool {
	escaped := strings.NewReplacer(`\`, `\\`, "[", `\[`).Replace(pattern)
	matched, err := path.Match(strings.ReplaceAll(escaped, "/", "\x01"), strings.ReplaceAll(name, "/", "\x01"))
	return err == nil && matched
}

// result is what holds for the account.
func (c *serverConfig) result() ServerConfig {
	files := c.values("authorizedkeysfile", defaultFiles)
	result := ServerConfig{Command: given(c.values("authorizedkeyscommand", nil)), Authorities: given(c.values("trustedusercakeys", nil)), Uncertain: c.uncertain}
	for _, file := range files {
		if !ascii.EqualFold(file, "none") && !slices.Contains(result.Files, file) {
			result.Files = append(result.Files, file)
		}
	}
	return result
}

// values is the value of a keyword, with those that may stand in its place.
func (c *serverConfig) values(keyword string, byDefault []string) []string {
	value := byDefault
	if c.global[keyword] != nil {
		value = c.global[keyword]
	}
	if c.matched[keyword] != nil {
		value = c.matched[keyword]
	}
	value = slices.Clone(value)
	for _, other := range c.maybe[keyword] {
		value = append(value, other...)
	}
	return value
}

func given(values []string) bool {
	return slices.ContainsFunc(values, func(value string) bool { return !ascii.EqualFold(value, "none") })
}

// fields splits a line as sshd does: words, with quotes around what has blanks, and a
// comment after '#'. The keyword may end in '='.
func fields(line string) []string {
	var words []string
	var word strings.Builder
	inWord, quote := false, byte(0)
	end := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case c == '#' && !inWord:
			return words
		case strings.IndexByte(" \t\r\n\f", c) >= 0, c == '=' && len(words) == 0:
			end()
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	end()
	return words
}
