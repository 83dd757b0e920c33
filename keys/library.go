package keys

import (
	"fmt"
	"path/filepath"

	"github.com/keybroker/keybroker/problem"
)

// maxPath is PATH_MAX.
const maxPath = 4096

// AllowedLibrary returns the real path of a library that a client names, when
// one of the patterns allows it. Links are followed first: only what is really
// loaded counts.
func AllowedLibrary(name, allowed string) (string, error) {
	path, err := RealLibrary(name)
	if err != nil {
		return "", err
	}
	if !ParsePatterns(allowed, SingleBytes).Match(path) {
		return "", problem.With(fmt.Errorf("the provider %.256q is not one of those allowed: %s", path, allowed), "allow it: [pkcs11] providers in config.toml, or ssh-agent -P")
	}
	return path, nil
}

// RealLibrary is AllowedLibrary without the patterns. It does not look relative
// names up: whose directory would they be in?
func RealLibrary(name string) (string, error) {
	if !filepath.IsAbs(name) || len(name) > maxPath {
		return "", problem.With(fmt.Errorf("the provider %.256q is not an absolute path", name), "name the library with its whole path")
	}
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", fmt.Errorf("provider: %w", err)
	}
	return path, nil
}
