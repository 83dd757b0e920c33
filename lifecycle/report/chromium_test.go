package report

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/lifecycle"
)

// screenshots is the directory for pictures: make screenshots sets it, and installs Chromium.
var screenshots = os.Getenv("KEYBROKER_SCREENSHOTS")

// chromium runs a headless browser on a page and returns what it prints.
func chromium(t *testing.T, inventory lifecycle.Inventory, flags ...string) (stdout, stderr string) {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil && screenshots == "" {
		t.Skip("needs chromium: make screenshots installs it")
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "report.html")
	if err := os.WriteFile(file, []byte(html(t, inventory)), 0o600); err != nil {
		t.Fatal(err)
	}
	flags = append(flags, "--headless", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir="+filepath.Join(dir, "profile"))
	if os.Geteuid() == 0 {
		flags = append(flags, "--no-sandbox")
	}
	cmd := exec.CommandContext(t.Context(), program, append(flags, "file://"+file)...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	return out.String(), said.String()
}

// A real browser runs the page's own script under the page's own policy, and nothing of
// the hostile names.
func TestInChromium(t *testing.T) {
	dom, said := chromium(t, sample(), "--dump-dom")
	if !strings.Contains(dom, `<span id="shown">66 of 66</span>`) {
		t.Error("the filter did not run")
	}
	for _, bad := range []string{"CONSOLE", "Refused to", "violates"} {
		if strings.Contains(said, bad) {
			t.Errorf("the browser complains:\n%s", said)
		}
	}
}

func TestScreenshots(t *testing.T) {
	if screenshots == "" {
		t.Skip("make screenshots takes the pictures")
	}
	for name, flags := range map[string][]string{
		"report.png":      {"--window-size=1000,1080"},
		"report-dark.png": {"--window-size=1000,1080", "--blink-settings=preferredColorScheme=0"},
	} {
		picture := filepath.Join(screenshots, name)
		chromium(t, sample(), append(flags, "--screenshot="+picture)...)
		if out, err := exec.CommandContext(t.Context(), "convert", picture, "-colors", "48", "-strip", picture).CombinedOutput(); err != nil { // to a third of the size
			t.Errorf("%v\n%s", err, out)
		}
	}
}
