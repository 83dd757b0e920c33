package wire

import (
	"bytes"
	"strings"
)

// Sudo is what pam_ssh_agent_auth says of the request that it has signed. The
// program that runs it (sudo, su, a screen lock), or a far host that the agent
// is forwarded to, wrote all of it: it is no more than their word.
type Sudo struct {
	Account   string   `json:"account"`             // that the service is for
	User      string   `json:"user"`                // who asks
	Service   string   `json:"service"`             // of PAM: "sudo"
	Directory string   `json:"directory,omitempty"` // where the program runs
	Host      string   `json:"host,omitempty"`      // what the machine calls itself
	Command   []string `json:"-"`                   // its command line, which may hold a secret: shown, not logged
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

// parseSudo reads data that has the module's own name and number. A request of
// it that is not whole, or for another key, is unknown.
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
		return unknown("a request of pam_ssh_agent_auth with another key than the one that is asked for"), true
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
	whole := c.atEnd() && commandOK && version == sudoVersion && len(cookie) >= minSudoCookie && len(cookie) <= maxSudoCookie
	for _, name := range []string{s.Account, s.User, s.Service} {
		whole = whole && name != "" && len(name) <= maxPurposeFieldSize
	}
	return s, whole && len(s.Directory) <= maxPurposeFieldSize && len(s.Host) <= maxPurposeFieldSize
}

// parseSudoCommand reads a command line. It is empty where the module could
// not find it out.
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
