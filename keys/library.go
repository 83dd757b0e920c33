package keys

import (
	"fmt"
	"path/filepath"

	"github.com/keybroker/keybroker/problem"
)

// maxPath is PATH_MAX.
const maxPath = 4096

// AllowedLibrary returns the real path of the library that a client names, if one of
// the patterns allows it. It follows links first, because the real file is loaded.
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

// RealLibrary is AllowedLibrary without the patterns. It refuses relative names: the
// broker's directory is not the client's.
func RealLibrary(name string) (string, error) {
	if !filepath.IsAbs(name) || len(name) > maxPath {
		return "", problem.With(fmt.Errorf("the provider %.256q is not an absolute path", name), "give the library's full path")
	}
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", problem.With(fmt.Errorf("provider: %w", err), "check the library's path, and that you may read it")
	}
	return path, nil
}
