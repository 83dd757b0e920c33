package collect

import (
	"crypto/rsa"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// settings asks sshd itself what holds for a connection: it knows Match and Include.
// Names are in lower case; a setting that is there several times has the last value,
// but for hostkey, which has all.
func (c *collecting) settings(connection string) (map[string]string, error) {
	out, err := c.sshd("-T", "-C", connection)
	settings := map[string]string{}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "hostkey" && settings[name] != "" {
			value = settings[name] + "\n" + value
		}
		settings[name] = value
	}
	return settings, err
}

func (c *collecting) sshd(args ...string) (string, error) {
	out, err := platform.Command(c.ctx, c.SSHD[0], append(slices.Clone(c.SSHD[1:]), args...)...).Output()
	if failed, ok := err.(*exec.ExitError); ok {
		err = fmt.Errorf("sshd -T: %w: %s", err, strings.TrimSpace(string(failed.Stderr)))
	}
	return string(out), err
}

// identify finds out which server this is: by its host key, of the type that clients of
// OpenSSH prefer.
func (c *collecting) identify() error {
	settings, err := c.settings("user=root,host=localhost,addr=127.0.0.1")
	if err != nil {
		return problem.With(err, "keybroker collect --root is for a machine with a server of OpenSSH: sshd -t shows what is wrong with it")
	}
	c.host = lifecycle.Host{Name: c.Machine}
	if port, _ := strconv.Atoi(settings["port"]); port != 22 {
		c.host.Port = port
	}
	c.logs = logsUses(settings)
	banner, _ := platform.Command(c.ctx, c.SSHD[0], "-V").CombinedOutput() // "OpenSSH_9.2p1 Debian-2, OpenSSL …"
	name, _, _ := strings.Cut(string(banner), " ")
	c.version = authorized.ParseVersion("SSH-2.0-" + strings.TrimRight(name, ",\n"))
	for _, kind := range []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA} {
		for _, path := range strings.Split(settings["hostkey"], "\n") {
			if key, err := publicKey(path + ".pub"); err == nil && key.Type() == kind {
				c.host.Key = ssh.FingerprintSHA256(key)
				c.Hosts = []lifecycle.Host{c.host}
				return nil
			}
		}
	}
	return problem.New("no host key of sshd can be read", "ssh-keygen -A makes those that are missing")
}

// logsUses reports whether sshd logs who was let in, by a fingerprint that is joined
// with keys.
func logsUses(settings map[string]string) bool {
	return !slices.Contains([]string{"QUIET", "FATAL", "ERROR"}, settings["loglevel"]) && settings["fingerprinthash"] == "SHA256"
}

func publicKey(path string) (ssh.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	return key, err
}

// bits is the size of an RSA key; 0 for other types, whose name says it.
func bits(key ssh.PublicKey) int {
	if crypto, ok := key.(ssh.CryptoPublicKey); ok {
		if rsaKey, ok := crypto.CryptoPublicKey().(*rsa.PublicKey); ok {
			return rsaKey.N.BitLen()
		}
	}
	return 0
}
