//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// completed asks a shell for the completions of words[0], of which words[1] is awaited.
type completed func(t *testing.T, file string, words [2]string) string

// bash calls the function that Tab calls, with bash-completion's own helpers.
func bashCompletes(t *testing.T, file string, words [2]string) string {
	return shell(t, "bash", "--norc", "-c", `
		source /usr/share/bash-completion/bash_completion
		source "$1"
		COMP_LINE=$2 COMP_POINT=${#2}
		read -r -a COMP_WORDS <<<"$2"
		[ "${2% }" = "$2" ] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		__start_keybroker
		printf '%s\n' "${COMPREPLY[@]}"`, "bash", file, words[0])
}

func fishCompletes(t *testing.T, file string, words [2]string) string {
	return shell(t, "fish", "--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, file, words[0])
}

// zsh has Tab pressed in a terminal of its own, twice for the list.
func zshCompletes(t *testing.T, file string, words [2]string) string {
	return shell(t, "zsh", "-f", "-c", `
		zmodload zsh/zpty
		zpty -b shell zsh -f -i
		seen=
		# until WANTED: reads what the shell shows, for ten seconds at most.
		until() {
			repeat 100; do
				while zpty -r -t shell part; do seen+=$part; done
				[[ $seen == *$1* ]] && return
				sleep 0.1
			done
		}
		zpty -w shell "LISTMAX=1000 COLUMNS=200; autoload -U compinit; compinit -u -D; source ${(q)1}; print RE''ADY"
		until READY
		seen=
		zpty -w -n shell "$2"$'\t\t'
		until "$3"
		print -r -- "$seen"
		zpty -d shell`, "zsh", file, words[0], words[1])
}

func shell(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a shell that waits for a key
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=xterm")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// Each shell that a package has a file for offers commands, flags and the values of flags.
func TestCompletions(t *testing.T) {
	programs := realProgram(t)
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for name, complete := range map[string]completed{"bash": bashCompletes, "fish": fishCompletes, "zsh": zshCompletes} {
		t.Run(name, func(t *testing.T) {
			need(t, name, name)
			if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); err != nil && name == "bash" {
				t.Skip("needs the package bash-completion")
			}
			file := filepath.Join(t.TempDir(), "_keybroker")
			if err := os.WriteFile(file, []byte(output(t, "keybroker", "completion", name)), 0o644); err != nil {
				t.Fatal(err)
			}
			for words, want := range map[string]string{
				"keybroker stat":                   "status",
				"keybroker keys gen":               "generate",
				"keybroker keys generate --ty":     "--type",
				"keybroker keys generate --type e": "ed25519",
			} {
				if got := complete(t, file, [2]string{words, want}); !strings.Contains(got, want) {
					t.Errorf("%q: no %q in %q", words, want, got)
				}
			}
		})
	}
}
