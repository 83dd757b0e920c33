package inventory

import (
	"fmt"
	"os/user"
	"path/filepath"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
)

// maxAuthorized bounds an authorized_keys file: 100,000 lines of usual length.
const maxAuthorized = 64 << 20

// maxDeadLines bounds the lines of one file that are named because sshd passes over them.
const maxDeadLines = 10

// authorizedFile is one file of authorized_keys as it was read.
type authorizedFile struct {
	host     lifecycle.Host
	account  string
	path     string
	modified time.Time
	content  []byte
}

// places notes who is let in by a file, and what is wrong with its lines (row 2).
func (c *collection) places(f authorizedFile) {
	lines := map[string][]int{} // of each key
	dead := 0
	for _, line := range authorized.Parse(f.content).Lines {
		if line.Blob != nil && line.Dead != "" && !line.Quarantined {
			if dead++; dead <= maxDeadLines {
				c.finding(f.finding("dead-line", lifecycle.Info, fmt.Sprintf("line %d lets nobody in: %s", line.Number, line.Dead)))
			}
		}
		if !line.LetsIn() {
			continue
		}
		fingerprint := line.Fingerprint()
		lines[fingerprint] = append(lines[fingerprint], line.Number)
		c.place(f, line, fingerprint)
	}
	for fingerprint, numbers := range lines {
		if len(numbers) > 1 {
			found := f.finding("duplicate-line", lifecycle.Warning, fmt.Sprintf("the key is in lines %s: its options are those of the first line that allows the login", joinNumbers(numbers)))
			found.Fingerprint = fingerprint
			c.finding(found)
		}
	}
}

func (c *collection) place(f authorizedFile, line authorized.Line, fingerprint string) {
	key := lifecycle.Key{Fingerprint: fingerprint, Type: line.Type, Blob: slices.Clone(line.Blob)}
	if line.Key != nil {
		key.Bits = bitsOf(publickey.Certified(line.Key))
	}
	c.note(key, line.Comment)
	c.add(func(inv *lifecycle.Inventory) {
		inv.Places = append(inv.Places, lifecycle.Place{
			Host: f.host, Account: f.account, File: f.path, Line: line.Number, Fingerprint: fingerprint,
			Options: line.Options, Comment: line.Comment, FileTime: f.modified,
		})
	})
}

func (f authorizedFile) finding(kind string, severity lifecycle.Severity, what string) lifecycle.Finding {
	return lifecycle.Finding{Kind: kind, Row: 2, Severity: severity, Host: f.host, Account: f.account, Path: f.path, What: what}
}

// joinNumbers writes "7, 31 and 40".
func joinNumbers(numbers []int) string {
	const most = 8
	text := ""
	for i, number := range numbers {
		switch {
		case i == most:
			return text + fmt.Sprintf(" and %s more", keys.Counted(len(numbers)-most, "line"))
		case i > 0 && i == len(numbers)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += fmt.Sprint(number)
	}
	return text
}

// authorizedKeys reads who is let in to this account, from the default files of sshd.
func (m *machine) authorizedKeys() {
	account := ""
	if me, err := user.Current(); err == nil {
		account = me.Username
	}
	complete := true
	for _, name := range []string{"authorized_keys", "authorized_keys2"} {
		path := filepath.Join(m.home, ".ssh", name)
		content, info, err := readFile(path, maxAuthorized)
		if err != nil {
			complete = complete && m.isMissing(path, err)
			continue
		}
		m.checkWritable(path, "list of authorised keys")
		m.places(authorizedFile{account: account, path: path, modified: info.ModTime().UTC(), content: content})
	}
	if complete {
		m.add(func(inv *lifecycle.Inventory) { inv.Accounts = append(inv.Accounts, lifecycle.Account{Name: account}) })
	}
}
