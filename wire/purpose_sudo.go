package wire

import (
	"bytes"
	"strings"
)

// Sudo is what a request of pam_ssh_agent_auth says. All of it comes from the program
// that runs the module (sudo, su, a screen lock) or from a remote host that the agent
// is forwarded to, and is not proved.
type Sudo struct {
	Account   string   `json:"account"`             // the target account
	User      string   `json:"user"`                // who asks
	Service   string   `json:"service"`             // the PAM service: "sudo"
	Directory string   `json:"directory,omitempty"` // where the program runs
	Host      string   `json:"host,omitempty"`      // what the machine calls itself
	Command   []string `json:"-"`                   // its command line; shown but not logged, because it may hold a secret
}

// What the module puts around a request (pam_ssh_agent_auth's
// iterate_ssh_agent_keys.c and userauth_pubkey_from_id.c).
const (
	sudoVersion    = 101
	msgSudoRequest = 54 // where a login has 50
	serviceSudo    = "pam_ssh_agent_auth"
	minSudoCookie  = 16
	maxSudoCookie  = 255
	maxSudoArgs    = 1024
)

// parseSudo reads data that has the module's name and number. A request that is
// malformed, or for another key, is unknown.
func parseSudo(data, keyBlob []byte) (Purpose, bool) {
	c := &cursor{rest: data}
	session, number, user, service := c.bytes(), c.uint8(), c.string(), c.string()
	if c.bad || number != msgSudoRequest || service != serviceSudo {
		return Purpose{}, false
	}
	method, signed, algorithm, blob := c.string(), c.uint8(), c.string(), c.bytes()
	sudo, ok := parseSudoSession(session)
	switch {
	case !c.atEnd() || !ok || method != MethodPublicKey || signed != 1 || sudo.User != user:
		return unknown("a request of pam_ssh_agent_auth that cannot be read"), true
	case !bytes.Equal(blob, keyBlob):
		return unknown("a request of pam_ssh_agent_auth that names a different key from the one requested"), true
	}
	return Purpose{Kind: KindSudo, Algorithm: algorithm, Sudo: sudo}, true
}

func parseSudoSession(session []byte) (*Sudo, bool) {
	c := &cursor{rest: session}
	version, cookie := c.uint32(), c.bytes()
	s := &Sudo{Account: c.string(), User: c.string(), Service: c.string(), Directory: c.string()}
	command, commandOK := parseSudoCommand(c.bytes())
	s.Host, s.Command = c.string(), command
	c.take(8) // the time
	valid := c.atEnd() && commandOK && version == sudoVersion && len(cookie) >= minSudoCookie && len(cookie) <= maxSudoCookie
	for _, name := range []string{s.Account, s.User, s.Service} {
		valid = valid && name != "" && len(name) <= maxPurposeFieldSize
	}
	return s, valid && len(s.Directory) <= maxPurposeFieldSize && len(s.Host) <= maxPurposeFieldSize
}

// parseSudoCommand reads a command line. It is empty if the module did not know it.
func parseSudoCommand(action []byte) ([]string, bool) {
	if len(action) == 0 {
		return nil, true
	}
	c := &cursor{rest: action}
	count := c.uint32()
	if count > maxSudoArgs {
		return nil, false
	}
	var args []string
	for range count {
		args = append(args, strings.ToValidUTF8(c.string(), "?"))
	}
	return args, c.atEnd()
}
