package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/problem"
)

// Template is what a key of one purpose may do: the options of its line (sshd(8),
// AUTHORIZED_KEYS FILE FORMAT).
type Template struct {
	Name, Help string
	options    []string
	command    string // unless another is given
	must       bool   // a command must be given
}

// Templates are in the order of the help. "restrict" comes first in each, so that what a
// later sshd adds is closed too.
var Templates = []Template{
	{Name: "person", Help: "a shell; no forwarding", options: []string{"restrict", "pty"}},
	{Name: "admin", Help: "a shell, with port and agent forwarding", options: []string{"restrict", "pty", "port-forwarding", "agent-forwarding"}},
	{Name: "automation", Help: "one command (--command), nothing else", options: []string{"restrict"}, must: true},
	{Name: "git", Help: "git fetch and push by git-shell", options: []string{"restrict"}, command: `git-shell -c "$SSH_ORIGINAL_COMMAND"`},
	{Name: "backup", Help: "read files by SFTP, or the command of --command", options: []string{"restrict"}, command: "internal-sftp -R"},
}

// TemplateNames are the values of --template.
func TemplateNames() []string {
	var names []string
	for _, t := range Templates {
		names = append(names, t.Name)
	}
	return names
}

// Restriction is what a person asks of a new line.
type Restriction struct {
	Template string // name of one; "": "automation" with a command, else "person"
	From     string // patterns of addresses, with commas
	Command  string
	Expires  time.Time
}

// Options returns the options of the line.
func (r Restriction) Options() ([]string, error) {
	template, err := r.template()
	if err != nil {
		return nil, err
	}
	options := append([]string{}, template.options...)
	command := r.Command
	if command == "" {
		command = template.command
	}
	for _, option := range [][2]string{{"from", r.From}, {"command", command}, {"expiry-time", expiry(r.Expires)}} {
		if option[1] == "" {
			continue
		}
		quoted, err := authorized.Quote(option[0], option[1])
		if err != nil {
			return nil, err
		}
		options = append(options, quoted)
	}
	return options, nil
}

// expiry is in UTC, which sshd knows since OpenSSH 9.1.
func expiry(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("200601021504") + "Z"
}

// fitted returns the options as a server of an older version takes them, or what it
// lacks. Without a zone an expiry is a day of the server's own.
func fitted(options []string, version authorized.Version) []string {
	var list []string
	for _, option := range options {
		value, ok := strings.CutPrefix(option, `expiry-time="`)
		if ok && version.Known() && !version.AtLeast(9, 1) && strings.HasSuffix(value, `Z"`) {
			option = `expiry-time="` + value[:min(8, len(value))] + `"`
		}
		list = append(list, option)
	}
	return list
}

func (r Restriction) template() (Template, error) {
	name := r.Template
	if name == "" {
		name = "person"
		if r.Command != "" {
			name = "automation"
		}
	}
	for _, t := range Templates {
		if t.Name != name {
			continue
		}
		if t.must && r.Command == "" {
			return t, problem.With(fmt.Errorf("a key for %s needs a command", name), "give it: --command 'rsync --server …'")
		}
		return t, nil
	}
	return Template{}, problem.With(fmt.Errorf("there is no template %.40q", name), "use %s", keys.Alternatives(TemplateNames()))
}
