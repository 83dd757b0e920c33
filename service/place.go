package service

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Place is where an installation goes: the person's directories, and the programs.
type Place struct {
	Paths   platform.Paths
	Home    string
	Config  string // the directory above keybroker's: $XDG_CONFIG_HOME
	Program string // absolute path of keybroker
	Desktop string // absolute path of keybroker-desktop; "": it is not installed
	Version string
	Shell   string // the person's login shell: "bash", "zsh", "fish" …
	UID     int
	Runtime string // $XDG_RUNTIME_DIR, or where it will be
	Root    string // "" or, in tests, a directory in place of /
}

// Manifest is the path of the manifest.
func (p Place) Manifest() string { return filepath.Join(p.Paths.StateDir, "service.json") }

// Here is the place of the person who runs this program.
func Here(paths platform.Paths, version string) (Place, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return Place{}, problem.With(fmt.Errorf("the home directory is not known: %w", err), "set HOME")
	}
	if err := ownPerson(home); err != nil {
		return Place{}, err
	}
	program, err := ownProgram()
	if err != nil {
		return Place{}, err
	}
	p := Place{
		Paths: paths, Home: home, Config: filepath.Dir(filepath.Dir(paths.ConfigFile)), Program: program, Version: version,
		Shell: filepath.Base(os.Getenv("SHELL")), UID: os.Getuid(), Runtime: os.Getenv("XDG_RUNTIME_DIR"),
	}
	if p.Runtime == "" {
		p.Runtime = fmt.Sprintf("/run/user/%d", p.UID)
	}
	desktop := filepath.Join(filepath.Dir(program), "keybroker-desktop"+filepath.Ext(program))
	if _, err := os.Stat(desktop); err == nil {
		p.Desktop = desktop
	}
	return p, nil
}

// ownProgram is the path by which the system will start this program. A name in PATH is
// preferred to the file that it leads to, which a package manager may replace by one of
// another name with each version.
func ownProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("the path of this program is not known: %w", err)
	}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", problem.New("the file of this program was replaced while it ran", "run this again")
	}
	if err != nil {
		return "", err
	}
	if named, err := exec.LookPath("keybroker"); err == nil && filepath.IsAbs(named) {
		if other, err := os.Stat(named); err == nil && os.SameFile(info, other) {
			path = named
		}
	}
	return path, checkProgram(path)
}

// checkProgram refuses a program that will be gone soon, or that somebody else can
// replace.
func checkProgram(path string) error {
	if within(path, os.TempDir()) {
		return problem.With(fmt.Errorf("this program is in %s, which is cleared", os.TempDir()), "install it first (make install, or a package), and run the installed one")
	}
	if err := platform.CheckTrustedProgram(path); err != nil {
		return fmt.Errorf("the system would start a program that others can replace: %w", err)
	}
	return nil
}

func within(path, dir string) bool {
	relative, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(relative)
}
