package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/softkeys"
)

// firstKey is the name of the key that `make run` makes.
const firstKey = "default"

// welcome offers to make the first key, and shows the next step.
func (a *app) welcome(ctx context.Context, b *broker.Broker) error {
	sealed := b.Sealed(ctx)
	if len(sealed.All()) == 0 {
		if err := offerFirstKey(ctx, b.HasTerminal(), sealed); err != nil {
			return err
		}
	}
	fmt.Printf("\nkeybroker %s runs here; Ctrl-C ends it. In another terminal:\n\n", version)
	if line := pathLine(cli.DefaultShell()); line != "" {
		fmt.Printf("  %s\n", line)
	}
	fmt.Printf("  %s\n  ssh-add -l\n\n", cli.SetVariable(cli.DefaultShell(), "SSH_AUTH_SOCK", a.config.Paths.AgentSocket))
	for _, entry := range sealed.All() {
		if entry.PublicKey == nil {
			continue
		}
		if entry.Unproved {
			fmt.Printf("Your key %q. Its public half: %s keys export %[1]s\n\n", entry.Name, self())
			continue
		}
		public := filepath.Join(a.config.Paths.DataDir, "keys", entry.Name+".pub")
		fmt.Printf("Your key %q. Put it on a host, then log in: ssh-copy-id -f -i %s HOST\n\n", entry.Name, public)
		line, err := pubformat.Marshal(pubformat.OpenSSH, entry.PublicKey, entry.Comment)
		if err != nil {
			return err
		}
		fmt.Printf("  %s\n", line)
	}
	fmt.Printf("keybroker asks before each use: %s. Requests so far: %s log -f\n\n", b.Prompt(), self())
	return nil
}

func offerFirstKey(ctx context.Context, canAsk bool, sealed *softkeys.Store) error {
	if !canAsk {
		fmt.Printf("There is no key yet. Make one: %s keys generate %s\n", self(), firstKey)
		return nil
	}
	yes, err := terminal.Confirm(ctx, "There is no key yet. Make one now (ed25519, sealed)?")
	if err != nil {
		return err
	}
	if !yes {
		fmt.Printf("Make one later: %s keys generate %s\n", self(), firstKey)
		return nil
	}
	_, err = sealed.Generate(ctx, firstKey, softkeys.KeySpec{Type: "ed25519"}, "")
	return err
}

// self is the command that runs this program again.
func self() string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return "keybroker"
}

// pathLine is the shell's line that puts this program into PATH, or "" if it is there
// already. `make install` does that permanently.
func pathLine(shell string) string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	found, err := exec.LookPath("keybroker")
	if err == nil && sameFile(found, exe) {
		return ""
	}
	return cli.PrependPath(shell, filepath.Dir(exe))
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
