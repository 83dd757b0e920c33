package tray

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

var errNoClipboard = problem.New("there is no program for the clipboard", "install wl-clipboard or xclip, or print the key: keybroker keys export NAME")

// clipboard is the command that puts its input on the clipboard.
func clipboard() ([]string, error) {
	var programs [][]string
	switch {
	case runtime.GOOS == "windows":
		programs = [][]string{{"clip.exe"}}
	case runtime.GOOS == "darwin":
		programs = [][]string{{"pbcopy"}}
	default:
		if os.Getenv("WAYLAND_DISPLAY") != "" {
			programs = append(programs, []string{"wl-copy"})
		}
		if os.Getenv("DISPLAY") != "" {
			programs = append(programs, []string{"xclip", "-selection", "clipboard"}, []string{"xsel", "--clipboard", "--input"})
		}
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program[0]); err == nil {
			return program, nil
		}
	}
	return nil, errNoClipboard
}

// copyText returns when the program has taken the text. Some stay in the background
// to serve it until the next copy.
func copyText(ctx context.Context, text string) error {
	program, err := clipboard()
	if err != nil {
		return err
	}
	cmd := platform.Command(ctx, program[0], program[1:]...)
	cmd.Stdin = strings.NewReader(text)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", program[0], err)
	}
	return nil
}
