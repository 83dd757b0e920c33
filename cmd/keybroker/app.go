package main

import (
	"path/filepath"

	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/platform"
)

// app is what every command needs: where the files are and what the
// configuration says. It is filled before a command runs.
type app struct {
	configFile string // --config
	json       bool   // --json
	wide       bool   // --wide
	card       string // --card
	config     config.Config
}

// locate finds the files. What talks to a running broker or reads its log does
// no more than that, so that an error in the configuration is not in its way.
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
