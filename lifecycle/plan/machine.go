package plan

import (
	"context"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/plan/clientconfig"
)

// Machine is the configuration of ssh and git on this machine. clientconfig.Machine is one.
type Machine interface {
	// SwitchSSH makes ssh_config name the new key for a host; no changes: it did not
	// name the old one.
	SwitchSSH(ctx context.Context, host string, old, new lifecycle.Key, dry bool) ([]clientconfig.Change, error)
	// SwitchGit does the same for git's user.signingkey and core.sshCommand.
	SwitchGit(ctx context.Context, old, new lifecycle.Key, dry bool) ([]clientconfig.Change, error)
	// Undo takes changes back. What was changed again since then stays, with an error.
	Undo(ctx context.Context, changes []clientconfig.Change) error
}
