package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
)

var errNoSSH = errors.New("there is no ssh in PATH")

// checkSSH looks for settings of ssh that keep it from the broker, or the broker from ssh.
func (p *Patient) checkSSH(ctx context.Context, client *control.Client) []Check {
	name := "ssh " + platform.Escape(p.Host, maxText)
	host := p.Host
	if host == "" {
		name, host = "ssh", noHost
	}
	c, err := p.effective(ctx, host)
	if err != nil {
		check := failed(name, err)
		if p.Host == "" && errors.Is(err, errNoSSH) { // other clients can ask the broker
			check.Result = note
		}
		return []Check{check}
	}
	list, err := client.Keys(ctx)
	s := sshCheck{Patient: p, name: name, c: c, keys: usable(list), known: err == nil}
	checks := slices.Concat(s.agent(), s.methods(), s.identities(), s.sharing(ctx), s.forwarding(), s.besides())
	if p.Host != "" {
		checks = append(checks, s.login(ctx)...)
	}
	if len(checks) == 0 {
		return []Check{fine(name, "no known trap in its settings for every host; for one host: keybroker doctor HOST")}
	}
	return checks
}

// sshCheck looks at the settings for one host.
type sshCheck struct {
	*Patient
	name  string
	c     sshConfig
	keys  []control.Key // that the agent lists
	known bool          // the broker told them
}

// usable are the keys that the agent lists.
func usable(list []control.Key) (keys []control.Key) {
	for _, key := range list {
		if !key.Hidden && key.Fingerprint != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// trouble is a FAIL if the login that was asked about cannot work so, else a note.
func (s sshCheck) trouble(text, remedy string) Check {
	if s.Host == "" {
		return noted(s.name, text, remedy)
	}
	return broken(s.name, text, remedy)
}

// agent says which agent IdentityAgent names.
func (s sshCheck) agent() []Check {
	value := s.c.get("identityagent")
	switch {
	case value == "" || value == sockVariable:
		return nil
	case value == "none":
		return []Check{s.trouble("IdentityAgent none: ssh asks no agent", "take the line out of ssh_config")}
	case strings.HasPrefix(value, "$"):
		value = os.Getenv(strings.Trim(value, "${}"))
	}
	check := s.checkSocket(s.name, tilde(value))
	if check.Result == ok {
		return nil
	}
	check.Text = "IdentityAgent: " + check.Text
	check.Remedy = "take IdentityAgent out of ssh_config, or set it to " + quoted(s.Config.Paths.AgentSocket)
	return []Check{check}
}

// methods says whether ssh tries keys at all, and what it tries first.
func (s sshCheck) methods() (checks []Check) {
	preferred := s.c.get("preferredauthentications")
	switch {
	case !s.c.on("pubkeyauthentication"):
		checks = append(checks, s.trouble("PubkeyAuthentication no: ssh uses no key", "take the line out of ssh_config"))
	case preferred != "" && !slices.Contains(strings.Split(preferred, ","), "publickey"):
		checks = append(checks, s.trouble("PreferredAuthentications has no publickey: ssh uses no key", "add publickey to the line in ssh_config"))
	}
	if s.c.on("gssapiauthentication") && hasTicket() {
		checks = append(checks, noted(s.name, "GSSAPIAuthentication yes, and there is a Kerberos ticket: a login by it asks for no key, and is not in the broker's log",
			"to use a key: ssh -o GSSAPIAuthentication=no"))
	}
	return checks
}

// hasTicket reports whether there seems to be a Kerberos ticket in a file, as MIT's library keeps it.
func hasTicket() bool {
	path := strings.TrimPrefix(os.Getenv("KRB5CCNAME"), "FILE:")
	if path == "" {
		path = fmt.Sprintf("/tmp/krb5cc_%d", os.Getuid())
	}
	_, err := os.Stat(path)
	return err == nil
}

// identities compares the files that ssh is told of with the broker's keys.
func (s sshCheck) identities() (checks []Check) {
	fits, itself := false, []string{}
	for _, file := range append(slices.Clone(s.c["identityfile"]), s.c["certificatefile"]...) {
		path := tilde(file)
		switch public, err := publicHalf(path); {
		case err == nil && s.has(public):
			fits = true
		case isPrivateKey(path):
			itself = append(itself, path)
		}
	}
	if s.c.on("identitiesonly") && s.known && !fits && len(itself) == 0 {
		checks = append(checks, s.trouble("IdentitiesOnly yes, and no IdentityFile is a key of the broker: ssh offers none",
			"keybroker keys export NAME >~/.ssh/NAME.pub, and in ssh_config: IdentityFile ~/.ssh/NAME.pub"))
	}
	for _, path := range itself {
		checks = append(checks, noted(s.name, fmt.Sprintf("ssh reads the private key %s itself, without the broker", platform.Escape(path, maxPath)),
			"keybroker keys import "+quoted(path)+" --name NAME"))
	}
	if s.c.on("pkcs11provider") {
		checks = append(checks, noted(s.name, "PKCS11Provider: ssh opens the card itself, and keeps other programs from it; the broker is not asked",
			"take the line out of ssh_config: keybroker lists the card's keys"))
	}
	if s.c.on("addkeystoagent") {
		checks = append(checks, noted(s.name, "AddKeysToAgent "+platform.Escape(s.c.get("addkeystoagent"), maxText)+": each key file that ssh opens is added to the broker, until it ends",
			"to seal the key instead: keybroker keys import FILE; then take the line out of ssh_config"))
	}
	return checks
}

// publicHalf reads FILE.pub, or FILE if it is a public key.
func publicHalf(path string) (ssh.PublicKey, error) {
	for _, name := range []string{path + ".pub", path} {
		if data, err := os.ReadFile(name); err == nil {
			if public, _, err := pubformat.Parse(data); err == nil {
				return public, nil
			}
		}
	}
	return nil, os.ErrNotExist
}

func (s sshCheck) has(public ssh.PublicKey) bool {
	fingerprint := ssh.FingerprintSHA256(public)
	return slices.ContainsFunc(s.keys, func(key control.Key) bool { return key.Fingerprint == fingerprint })
}

// sharing looks at connections that ssh would share (ControlMaster).
func (s sshCheck) sharing(ctx context.Context) []Check {
	path := tilde(s.c.get("controlpath"))
	if s.Host == "" || path == "" || path == "none" {
		return nil
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return nil
	}
	shown := platform.Escape(path, maxPath)
	if isDead(path) {
		return []Check{noted(s.name, "ControlPath: a dead socket is left at "+shown, "rm "+quoted(path)).with(deadSocketFix(path))}
	}
	who := ""
	if conn, err := dial(path); err == nil {
		if list, _ := platform.Holders(conn, path); len(list) == 1 {
			who = " of " + described(list[0])
		}
		conn.Close()
	}
	return []Check{noted(s.name, "ControlPath: the connection"+who+" is shared: no key is asked for, nothing is logged, and ForwardAgent leads to the agent that it was opened with",
		"to log in anew: ssh -O exit "+platform.ShellWord(platform.Escape(s.Host, maxText)))}
}

func (s sshCheck) forwarding() []Check {
	if !s.c.on("forwardagent") {
		return nil
	}
	return []Check{noted(s.name, "ForwardAgent yes: root on that host can ask the broker while you are logged in",
		"ProxyJump needs no forwarding: ssh -J; or say where a key may be used: ssh-add -h")}
}

// besides are settings by which other keys than the broker's are offered first.
func (s sshCheck) besides() []Check {
	const usualTries = 6 // MaxAuthTries of sshd_config(5)
	if s.Host == "" || s.c.on("identitiesonly") || len(s.keys) <= usualTries {
		return nil
	}
	return []Check{noted(s.name, fmt.Sprintf("%d keys may be offered, and servers take %d: \"Too many authentication failures\"", len(s.keys), usualTries),
		`a [[rule]] with this host, its key and list = "only"; a key that worked there once is offered first`)}
}

// hostName is under which name known_hosts would have the host.
func (s sshCheck) hostName() string {
	if alias := s.c.get("hostkeyalias"); alias != "" {
		return alias
	}
	name := s.c.get("hostname")
	if port := s.c.get("port"); port != "" && port != "22" {
		return "[" + name + "]:" + port
	}
	return name
}

// isKnown reports whether a file of known hosts has the name.
func (s sshCheck) isKnown(ctx context.Context) bool {
	for _, setting := range []string{"userknownhostsfile", "globalknownhostsfile"} {
		for _, file := range strings.Fields(s.c.get(setting)) {
			if platform.Command(ctx, "ssh-keygen", "-F", s.hostName(), "-f", filepath.Clean(tilde(file))).Run() == nil {
				return true
			}
		}
	}
	return false
}
