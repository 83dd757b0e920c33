package ways

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/platform"
)

// consoleWindows counts the visible windows of consoles: "ConsoleWindowClass" on Windows,
// "WineConsoleClass" in wine.
func consoleWindows() (n int) {
	collected = nil
	_ = windows.EnumWindows(collect, nil)
	for _, window := range collected {
		if windows.IsWindowVisible(window) && strings.Contains(classOf(window), "Console") {
			n++
		}
	}
	return n
}

// runUntilAnswered runs a console program that writes a line and waits.
func runUntilAnswered(t *testing.T, cmd *exec.Cmd, during func()) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Error(err)
	}
	during()
}

// A program that this one starts opens no console window, although this one has no console.
func TestCommandOpensNoConsoleWindow(t *testing.T) {
	_, _, _ = freeConsole.Call()
	runUntilAnswered(t, exec.Command("cmd.exe"), func() {
		waitUntil(t, "a program started otherwise opens one", func() bool { return consoleWindows() == 1 })
	})
	waitUntil(t, "it is gone", func() bool { return consoleWindows() == 0 })
	runUntilAnswered(t, platform.Command(t.Context(), "cmd.exe"), func() {
		if consoleWindows() != 0 {
			t.Error("a console window is open")
		}
	})
}

// The dialog neither, whoever starts it.
func TestDialogOpensNoConsoleWindow(t *testing.T) {
	_, _, _ = freeConsole.Call()
	for name, cmd := range map[string]*exec.Cmd{"by us": platform.Command(t.Context(), builtWindow, "prompt"), "by another": exec.Command(builtWindow, "prompt")} {
		t.Run(name, func(t *testing.T) {
			ours, err := platform.StartChild(cmd)
			if err != nil {
				t.Fatal(err)
			}
			if err := (question.Question{Kind: question.Confirm, Title: "?"}).Send(ours); err != nil {
				t.Fatal(err)
			}
			waitArmed(t, "Allow once")
			if consoleWindows() != 0 {
				t.Error("a console window is open")
			}
			_ = ours.Close()
			_ = cmd.Wait()
			wantGone(t)
		})
	}
}
