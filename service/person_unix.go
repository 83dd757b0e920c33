//go:build unix

package service

import (
	"fmt"
	"os"
	"syscall"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// ownPerson refuses to install for somebody else than the person who asks: with sudo the
// files would be root's, or root's service would take the person's place.
func ownPerson(home string) error {
	if name := os.Getenv("SUDO_USER"); name != "" && os.Geteuid() == 0 {
		return problem.With(fmt.Errorf("with sudo this would install for root, not for %s", platform.Escape(name, 40)),
			"as yourself, without sudo: keybroker service install; for root, in a login of root's: su -")
	}
	info, err := os.Stat(home)
	if err != nil {
		return fmt.Errorf("the home directory: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return problem.With(fmt.Errorf("the home directory %s belongs to uid %d, and this runs as uid %d", home, stat.Uid, os.Geteuid()),
			"log in as the user for whom it is (su - USER), and run it there")
	}
	return nil
}
