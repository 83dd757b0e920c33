package cli

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// An error may hold what a server or another program said.
func TestErrorsMoveNoCursor(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = write
	t.Cleanup(func() { os.Stderr = stderr })
	root := &cobra.Command{Use: "keybroker", SilenceErrors: true, SilenceUsage: true, RunE: func(*cobra.Command, []string) error { return errors.New("no\x1b[2J\nremedy") }}
	code := Run(root, nil, error.Error, ExitCode)
	write.Close()
	said, err := io.ReadAll(read)
	if err != nil || code != ExitFailed || strings.TrimSpace(string(said)) != `keybroker: no\x1b[2J`+"\nremedy" {
		t.Errorf("%d, %q, %v", code, said, err)
	}
}
