package config

import (
	"errors"
	"fmt"
	"runtime"
)

// Windows is where programs that know no other pipe find the broker on Windows.
type Windows struct {
	Pageant       bool   `toml:"pageant"`        // play PuTTY's Pageant
	OpenSSHConfig string `toml:"openssh_config"` // a file that names Pageant's pipe, as pageant --openssh-config writes it
	CygwinSocket  string `toml:"cygwin_socket"`  // a socket file for programs of Cygwin and MSYS
}

func defaultWindows() Windows { return Windows{Pageant: true} }

func (w *Windows) check(file string, data []byte) error {
	return errors.Join(
		windowsPath(file, data, "windows.openssh_config", w.OpenSSHConfig),
		windowsPath(file, data, "windows.cygwin_socket", w.CygwinSocket),
	)
}

func windowsPath(file string, data []byte, path, value string) error {
	if value != "" && runtime.GOOS != "windows" {
		return errorAt(file, data, path, fmt.Errorf("it works on Windows alone: leave it out"))
	}
	return absolute(file, data, path, value)
}
