package ways

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// TestScreenshots shows the dialogs for packaging/windows/screenshots, which waits for a
// file NAME.shoot in the directory of KEYBROKER_SCREENSHOTS, takes the picture and removes
// the file.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("KEYBROKER_SCREENSHOTS")
	if dir == "" {
		t.Skip("make windows-screenshots")
	}
	usual := confirmtest.Login(t)
	usual.History = "last used here 3 days ago"
	usual.Use.Peer.Parents[0].Args = []string{"git", "fetch"}
	w := newTestWindow(t)
	for name, show := range map[string]func(ctx context.Context){
		"prompt-windows":         func(ctx context.Context) { _, _ = w.Ask(ctx, usual) },
		"prompt-windows-hostile": func(ctx context.Context) { _, _ = w.Ask(ctx, confirmtest.Hostile(t, confirmtest.HostileText)) },
		"prompt-windows-pin": func(ctx context.Context) {
			_, _ = w.Secret(ctx, confirm.SecretQuestion{Title: "PIN for YubiKey 12345678", Text: "2 tries are left.", Prompt: "PIN:",
				Error: "That was not the PIN.", Use: usual.Use, Facts: true, Why: "no rule matches"})
		},
		"prompt-windows-touch": func(ctx context.Context) {
			_ = w.Notify(ctx, confirm.Notice{Title: "Touch YubiKey 12345678", Text: "It blinks.", Use: usual.Use, Why: "rule \"work\""})
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			done := make(chan struct{})
			go func() { defer close(done); show(ctx) }()
			shoot(t, filepath.Join(dir, name))
			cancel()
			<-done
			wantGone(t)
		})
	}
}

// shoot requests a picture of the dialog once it is armed and no longer moves.
func shoot(t *testing.T, path string) {
	t.Helper()
	var window windows.HWND
	for at, isMoving := ([4]int32{}), true; isMoving; time.Sleep(1500 * time.Millisecond) { // a picture only: nothing is asserted
		window = waitDialog(t)
		isMoving, at = rectOf(window) != at, rectOf(window)
	}
	at := rectOf(window)
	const frame = 24 // the title bar, which the window manager draws
	size := fmt.Sprintf("%dx%d+%d+%d", at[2]-at[0]+4, at[3]-at[1]+frame, at[0]-2, at[1]-frame+2)
	if err := os.WriteFile(path+".new", []byte(size), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path+".shoot"); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the picture is taken", func() bool { _, err := os.Stat(path + ".shoot"); return err != nil })
}
