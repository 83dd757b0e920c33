package main

import (
	"path/filepath"

	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/platform"
)

// app is what every command needs: the paths, the configuration and the global flags. It
// is filled before a command runs.
type app struct {
	cli.Output
	configFile string // --config
	card       string // --card
	config     config.Config
}

// locate finds the files. Commands that talk to a running broker or read its log need
// no more, so an error in the configuration does not stop them.
func (a *app) locate() (err error) {
	if a.config.Paths, err = platform.DefaultPaths(); err != nil || a.configFile == "" {
		return err
	}
	a.config.Paths.ConfigFile, err = filepath.Abs(a.configFile)
	return err
}

// load reads the machine's rules and the user's configuration.
func (a *app) load() error {
	if err := a.locate(); err != nil {
		return err
	}
	var err error
	a.config, err = config.Read(a.config.Paths, a.configFile != "")
	return err
}

// harden protects the memory of this process. Every command that makes or reads a
// secret calls it first. It fails if another program traces this one. Protections that
// the system does not offer are skipped; only the daemon reports them.
func harden() error {
	_, err := platform.Harden()
	return err
}
