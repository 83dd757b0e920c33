package platform

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// listenChild serves its argument until its input ends.
func listenChild(args []string) error {
	if _, err := Listen(args[0]); err != nil {
		return err
	}
	os.Stdout.WriteString("ready\n")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// A daemon that is killed leaves socket and lock file; the next one starts.
func TestListenAfterKill(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	first := self(t, "listen", path)
	stdin, _ := first.StdinPipe()
	stdout, _ := first.StdoutPipe()
	defer stdin.Close()
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	err := refused(t, path, "another agent serves it", func() error {
		first.Process.Kill()
		first.Wait()
		_, err := os.Lstat(path)
		return err
	})
	if !errors.Is(err, ErrInUse) {
		t.Errorf("%v is not ErrInUse", err)
	}
}
