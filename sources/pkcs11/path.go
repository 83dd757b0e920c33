package pkcs11

import (
	"os"
	"os/exec"

	"github.com/keybroker/keybroker/problem"
)

// helperPlaces are the paths where systems install the program.
var helperPlaces = []string{
	"/usr/lib/openssh/ssh-pkcs11-helper", "/usr/libexec/openssh/ssh-pkcs11-helper", "/usr/lib/ssh/ssh-pkcs11-helper",
	"/usr/libexec/ssh-pkcs11-helper", "/usr/local/libexec/ssh-pkcs11-helper", "/opt/homebrew/libexec/ssh-pkcs11-helper",
}

// helperPath finds ssh-pkcs11-helper.
func (c Config) helperPath() (string, error) {
	if c.Helper != "" {
		return c.Helper, nil
	}
	if named := os.Getenv("SSH_PKCS11_HELPER"); named != "" {
		return exec.LookPath(named)
	}
	for _, path := range helperPlaces {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", problem.New("there is no ssh-pkcs11-helper", "install OpenSSH's client (Debian: openssh-client), or set SSH_PKCS11_HELPER")
}
