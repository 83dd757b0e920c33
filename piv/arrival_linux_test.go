//go:build !nopcsc && ((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64)) || ((darwin || windows) && (amd64 || arm64)))

package piv

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A service that comes after the watcher looks for it only once a minute is reached at once,
// with its directory or without.
func TestTheServicesArrivalIsNoticed(t *testing.T) {
	for name, exists := range map[string]bool{"into its directory": true, "with its directory": false} {
		t.Run(name, func(t *testing.T) {
			run := filepath.Join(t.TempDir(), "pcscd")
			if exists {
				if err := os.Mkdir(run, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PCSCLITE_CSOCK_NAME", filepath.Join(run, "pcscd.comm"))
			w := newWatcher(&Readers{ctx: t.Context(), system: service{}}, pace{waitLimit, answerLimit})
			defer w.worker.close()
			if w.waitForService(ErrNoService, backoffMax); w.arrival == nil {
				t.Fatal("nothing is watched")
			}
			go func() {
				_ = os.WriteFile(run+".other", nil, 0o600) // is not the service
				time.Sleep(20 * time.Millisecond)
				_ = os.MkdirAll(run, 0o700)
				if l, err := net.Listen("unix", filepath.Join(run, "pcscd.comm")); err == nil {
					defer l.Close()
					<-t.Context().Done()
				}
			}()
			if next := w.waitForService(ErrNoService, backoffMax); next != backoffMin {
				t.Errorf("the next wait is %v, want %v", next, backoffMin)
			}
			if _, err := os.Stat(run); err != nil {
				t.Error("another name was taken for the service:", err)
			}
		})
	}
}
