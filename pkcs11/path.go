package pkcs11

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/keybroker/keybroker/agent/keys"
)

// maxPath is PATH_MAX.
const maxPath = 4096

// helperPlaces are where systems have the program.
var helperPlaces = []string{
	"/usr/lib/openssh/ssh-pkcs11-helper", "/usr/libexec/openssh/ssh-pkcs11-helper", "/usr/lib/ssh/ssh-pkcs11-helper",
	"/usr/libexec/ssh-pkcs11-helper", "/usr/local/libexec/ssh-pkcs11-helper", "/opt/homebrew/libexec/ssh-pkcs11-helper",
}

// resolve returns the library's real path, when it is one that may be loaded.
// Links are followed first: only what is really loaded counts.
func (c Config) resolve(name string) (string, error) {
	path, err := realPath(name)
	if err != nil {
		return "", err
	}
	if !keys.MatchPatternList(path, c.Allowed) {
		return "", fmt.Errorf("pkcs11: the provider %.256q is not one of those allowed: %s\n"+
			"allow it: [pkcs11] providers in config.toml, or ssh-agent -P", path, c.Allowed)
	}
	return path, nil
}

// realPath does not look relative names up: whose directory would they be in?
func realPath(name string) (string, error) {
	if !filepath.IsAbs(name) || len(name) > maxPath {
		return "", fmt.Errorf("pkcs11: the provider %.256q is not an absolute path\nname the library with its whole path", name)
	}
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", fmt.Errorf("pkcs11: provider: %w", err)
	}
	return path, nil
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
	return "", fmt.Errorf("pkcs11: there is no ssh-pkcs11-helper\ninstall OpenSSH's client (Debian: openssh-client), or set SSH_PKCS11_HELPER")
}
