package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Machine is policy.toml, the file of the machine's owner: rules that come before the
// user's, limits for the user's rules, and settings of config.toml that the user's file
// can only narrow (decision 0022).
type Machine struct {
	Config
	Limits policy.Limits `toml:"limits"`

	file string
	set  map[string]bool // the settings that it fixes, by path
}

// ReadMachine reads the file of the machine's owner; a missing file counts as empty. The
// file must not be writable by anybody else. If it exists but cannot be used, that is an
// error: nothing runs without it.
func ReadMachine(path string) (*Machine, error) {
	m := &Machine{Config: Default(), file: path}
	if path == "" {
		return m, nil
	}
	if err := platform.OwnersDirectory(filepath.Dir(path)); err != nil { // whoever can write there can remove the file
		return nil, InvalidError{fmt.Errorf("the machine's rules in %s are not used: %w", path, err)}
	}
	data, err := platform.ReadRoots(path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, nil
	case err != nil:
		return nil, InvalidError{fmt.Errorf("the machine's rules in %s are not used: %w", path, problem.WithDefault(err, "ask the machine's owner"))}
	}
	if err := m.decode(path, data); err != nil {
		return nil, InvalidError{problem.With(fmt.Errorf("the machine's rules have errors:\n%w", err), "ask the machine's owner")}
	}
	return m, nil
}

func (m *Machine) decode(file string, data []byte) error {
	if err := decode(file, data, m); err != nil {
		return err
	}
	var err error
	if m.set, err = pathsIn(file, data); err != nil {
		return err
	}
	var all []error
	for _, path := range slices.Sorted(maps.Keys(m.set)) {
		if !fixable(path) {
			all = append(all, errorAt(file, data, path, fmt.Errorf("%s is the user's choice: the machine's owner cannot fix it", path)))
		}
		for _, other := range implied[path] {
			m.set[other] = true
		}
	}
	if field, err := m.Limits.Check(); err != nil {
		all = append(all, errorAt(file, data, "limits."+field, err))
	}
	return errors.Join(append(all, m.checkValues(file, data), checkRules(file, data, m.Rules))...)
}

func fixable(path string) bool {
	return path == "rule" || path == "piv.rule" || strings.HasPrefix(path, "limits.") ||
		slices.ContainsFunc(settings, func(s setting) bool { return s.path == path })
}

// pathsIn returns the fields that a file sets, such as "confirm.prompt", and "rule" for
// all of [[rule]].
func pathsIn(file string, data []byte) (map[string]bool, error) {
	var tables map[string]any
	if err := decode(file, data, &tables); err != nil {
		return nil, err
	}
	set := make(map[string]bool)
	for table, content := range tables {
		fields, ok := content.(map[string]any)
		if !ok {
			set[table] = true
		}
		for field := range fields {
			set[table+"."+field] = true
		}
	}
	return set, nil
}

// limitsText lists the limits in the form of fixed settings.
func (m *Machine) limitsText() (list []Fixed) {
	add := func(name, value string) {
		list = append(list, Fixed{Setting: "limits." + name, Value: value, Owner: value, By: m.file})
	}
	if m.Limits.Allow != nil {
		add("allow", fmt.Sprint(*m.Limits.Allow))
	}
	if m.Limits.Remember != nil {
		add("remember", keys.ShortDuration(*m.Limits.Remember))
	}
	if m.Limits.AskFirst != "" {
		add("ask_first", m.Limits.AskFirst)
	}
	return list
}
