package platformtest

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
)

// A program that writes its files while it ends, as xfconfd does, leaves none behind.
func TestHome(t *testing.T) {
	var home string
	ended := make(chan error, 1)
	t.Run("with a program", func(t *testing.T) {
		home = Home(t, "home")
		program := exec.Command("sh", "-c", `
			trap 'trap - TERM; for n in 1 2 3 4 5 6 7 8 9; do mkdir -p "$HOME/settings"; echo $n >"$HOME/settings/$n"; sleep 0.05; done; exit 0' TERM
			echo runs
			while :; do sleep 0.05; done`)
		program.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
		out, err := program.StdoutPipe()
		if err == nil {
			err = program.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		go func() { ended <- program.Wait() }()
	})
	if _, err := os.Lstat(home); !os.IsNotExist(err) {
		t.Errorf("%s is left behind: %v", home, err)
	}
	if err := <-ended; err != nil { // killed: it was not let end
		t.Error(err)
	}
}
