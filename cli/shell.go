package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// Shells are the shells whose commands SetVariable writes.
var Shells = []string{"sh", "bash", "zsh", "ksh", "csh", "tcsh", "fish", "powershell"}

// DefaultShell is the user's, by $SHELL. Every shell that is not known is one like sh.
func DefaultShell() string {
	switch filepath.Base(os.Getenv("SHELL")) {
	case "csh", "tcsh":
		return "csh"
	case "fish":
		return "fish"
	}
	if runtime.GOOS == "windows" {
		return "powershell"
	}
	return "sh"
}

// SetVariable is the shell's command that sets a variable of the environment.
func SetVariable(shell, name, value string) string {
	switch shell {
	case "csh", "tcsh":
		return "setenv " + name + " " + platform.ShellWord(value) + ";"
	case "fish":
		return "set -gx " + name + " " + fishWord(value) + ";"
	case "powershell":
		return "$env:" + name + " = " + powerShellWord(value)
	}
	return name + "=" + platform.ShellWord(value) + "; export " + name + ";"
}

// PrependPath is the shell's command that puts a directory before the others in PATH.
func PrependPath(shell, dir string) string {
	switch shell {
	case "csh", "tcsh":
		return "set path = (" + platform.ShellWord(dir) + " $path);"
	case "fish":
		return "set -gx PATH " + fishWord(dir) + " $PATH;"
	case "powershell":
		return "$env:PATH = " + powerShellWord(dir+string(os.PathListSeparator)) + " + $env:PATH"
	}
	return "PATH=" + platform.ShellWord(dir) + ":$PATH;"
}

// fishWord is text in quotes, within which fish takes \\ and \' for one character.
func fishWord(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}

func powerShellWord(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
