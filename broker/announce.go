package broker

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// lifecycleProgram is the one program that may announce hosts. It lies beside this one.
const lifecycleProgram = "keybroker-lifecycle"

// AnnounceHosts takes announcements of keybroker's own commands alone: a question for
// hundreds of hosts names the first ones, and other programs of the user are not to choose
// what it does not name.
func (b controlAPI) AnnounceHosts(peer platform.Peer, names []string) (withdraw func(), err error) {
	if err := ownCommand(peer); err != nil {
		return nil, err
	}
	return b.server.Announce(peer, names)
}

// ListFirst is for keybroker's own commands alone, too: others have no use for it.
func (b controlAPI) ListFirst(peer platform.Peer, blob []byte, file string) (withdraw func(), err error) {
	if err := ownCommand(peer); err != nil {
		return nil, err
	}
	return b.server.ListFirst(peer, blob, file)
}

// ownCommand refuses all programs but lifecycleProgram of this installation.
func ownCommand(peer platform.Peer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program := filepath.Join(filepath.Dir(self), lifecycleProgram)
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if peer.Executable != program || peer.Shares.OwnMounts { // with mounts of its own, the path is another file
		return problem.With(errors.New("only keybroker's own commands may announce hosts"), "use keybroker inventory and its like, of the same installation")
	}
	return nil
}
