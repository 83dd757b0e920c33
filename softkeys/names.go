package softkeys

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// ErrName means that no key can have this name; ErrExists that the name or the
// key is already in use.
var (
	ErrName   = errors.New("a key's name consists of 1 to 64 of A-Z a-z 0-9 . _ @ -, does not begin with . or -, and does not end with -cert")
	ErrExists = errors.New("it already exists")
)

var validName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_@][A-Za-z0-9._@-]{0,63}$`) })

// CheckName returns ErrName for a name that could leave the directory, hide in
// it, look like an option, or be taken for a certificate (NAME-cert.pub).
func CheckName(name string) error {
	if !validName().MatchString(name) || strings.HasSuffix(name, "-cert") {
		return fmt.Errorf("%.80q: %w", name, ErrName)
	}
	return nil
}
