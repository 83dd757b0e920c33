//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform/apart"
	"golang.org/x/term"
)

// mayUseSudo asks for the password at once, where there is somebody to give it,
// and not in the middle of the tests.
func mayUseSudo() bool {
	if os.Geteuid() == 0 {
		return false
	}
	if exec.Command("sudo", "-n", "true").Run() == nil {
		go keepSudo()
		return true
	}
	if _, err := exec.LookPath("sudo"); err != nil || !term.IsTerminal(int(os.Stdin.Fd())) {
		return false
	}
	fmt.Println("Some tests need root. Without sudo's password they are not run, and listed at the end.")
	ask := exec.Command("sudo", "-v")
	ask.Stdin, ask.Stdout, ask.Stderr = os.Stdin, os.Stdout, os.Stderr
	if ask.Run() != nil {
		return false
	}
	go keepSudo()
	return true
}

// keepSudo renews what sudo remembers for some minutes.
func keepSudo() {
	for range time.Tick(time.Minute) {
		_ = exec.Command("sudo", "-n", "-v").Run()
	}
}

// goCache is root's, for the time of the tests.
const goCache = "go-build"

// asRoot is what go test puts before a test's program to run it as root: it is
// built by the user, so that no file of theirs becomes root's.
func asRoot(temp string) string {
	words := []string{"sudo", "-n", "env", "-i"}
	for _, pair := range apart.Environ() {
		switch name, _, _ := strings.Cut(pair, "="); name {
		case "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME":
		case "PATH": // of a plain user it lacks where pcscd and ip are
			words = append(words, pair+":/usr/local/sbin:/usr/sbin:/sbin")
		default:
			words = append(words, pair)
		}
	}
	words = append(words, "HOME=/root", "USER=root", "LOGNAME=root", "TMPDIR="+temp, "GOCACHE="+filepath.Join(temp, goCache))
	for i, word := range words {
		words[i] = "'" + word + "'"
	}
	return strings.Join(words, " ")
}
