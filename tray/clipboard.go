package tray

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

var errNoClipboard = problem.New("there is no program for the clipboard", "install wl-clipboard or xclip, or print the key: keybroker keys export NAME")

// clipboards are the commands that put their input on the clipboard, best first. wl-copy takes the
// text as an argument: it would keep its input in a file, and the tray may write none.
func clipboards(text string) [][]string {
	switch runtime.GOOS {
	case "windows":
		return [][]string{{"clip.exe"}}
	case "darwin":
		return [][]string{{"pbcopy"}}
	}
	var programs [][]string
	if os.Getenv("WAYLAND_DISPLAY") != "" {
		programs = append(programs, []string{"wl-copy", "--type", "text/plain", "--", text})
	}
	if os.Getenv("DISPLAY") != "" {
		programs = append(programs, []string{"xclip", "-selection", "clipboard"}, []string{"xsel", "--clipboard", "--input", "--logfile", os.DevNull})
	}
	return programs
}

// ClipboardFiles are the clipboard's programs that there are now, without links.
func ClipboardFiles() []string {
	var files []string
	for _, command := range clipboards("") {
		path, err := exec.LookPath(command[0])
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err == nil {
			files = append(files, path)
		}
	}
	return files
}

// copyText returns when the program has taken the text. Some stay in the background
// to serve it until the next copy.
func copyText(ctx context.Context, text string) error {
	for _, command := range clipboards(text) {
		if _, err := exec.LookPath(command[0]); err != nil {
			continue
		}
		cmd := platform.Command(ctx, command[0], command[1:]...)
		cmd.Stdin = strings.NewReader(text)
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", command[0], err)
		}
		return nil
	}
	return errNoClipboard
}
