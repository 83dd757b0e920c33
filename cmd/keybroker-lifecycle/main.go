// Command keybroker-lifecycle finds where a person's keys lie and open doors, and ends
// that. keybroker runs it for its commands about the life of a key. It is a separate
// program, so that the one that holds keys links neither SQL nor SFTP nor HTTP nor HTML.
package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/cli"
	programversion "github.com/keybroker/keybroker/cli/version"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

var version = programversion.String()

// A closed terminal ends it like Ctrl-C: it may be changing hosts.
func main() {
	os.Exit(cli.Run(newRoot(), os.Args[1:], platform.Text, exitCode, syscall.SIGHUP))
}

func exitCode(err error) int {
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return cli.ExitNotRunning
	case cli.IsA[config.InvalidError](err):
		return cli.ExitUsage
	default:
		return cli.ExitCode(err)
	}
}

// newRoot is called keybroker, because that is what people type.
func newRoot() *cobra.Command {
	a := new(app)
	root := &cobra.Command{
		Use:           "keybroker",
		Short:         "Follow the life of a key: where it lies, where it opens a door, and how that ends",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		PersistentPreRunE: func(*cobra.Command, []string) error { return a.load() },
	}
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "configuration file (default: config.toml in the user's configuration directory)")
	root.PersistentFlags().StringVar(&a.storeAt, "store", "", storeHelp)
	root.AddCommand(newInventoryCommand(a), newReportCommand(a), newCollectCommand(a), newManCommand())
	root.AddCommand(newProvisionCommand(a, false), newRotateCommand(a, false), newTerminateCommand(a, false), newRestoreCommand(a, false), newPlanCommand(a), newApplyCommand(a), newProofCommand(a), newForgeCommand(a))
	cli.Prepare(root)
	return root
}

// app is what every command needs.
type app struct {
	cli.Output
	configFile string // --config
	storeAt    string // --store
	config     config.Config
}

// load reads the machine's rules and the user's configuration.
func (a *app) load() error {
	paths, err := platform.DefaultPaths()
	if err != nil {
		return err
	}
	if a.configFile != "" {
		if paths.ConfigFile, err = filepath.Abs(a.configFile); err != nil {
			return err
		}
	}
	a.config, err = config.Read(paths, a.configFile != "")
	return err
}
