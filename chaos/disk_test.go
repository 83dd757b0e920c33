//go:build linux

package chaos

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// diskSize is room for the log of some minutes, and little enough to be filled at once.
const diskSize = 64 << 20

// mountsKept is set in a process whose mounts nobody else sees.
const mountsKept = "KEYBROKER_CHAOS_MOUNTS_KEPT"

// keepMounts has root run this program again with mounts that nobody else sees, if it may.
// They go with the last process that sees them, even when the tests are killed.
func keepMounts() {
	if os.Geteuid() != 0 || os.Getenv(mountsKept) != "" || exec.Command("unshare", "--mount", "true").Run() != nil {
		return
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	arguments := append([]string{"unshare", "--mount", self}, os.Args[1:]...)
	_ = syscall.Exec(unshare, arguments, append(os.Environ(), mountsKept+"=1"))
}

// disk is a small file system under the daemon's state.
type disk struct{ path string }

// mountDisk mounts a new file system at path. Without root, and in a container that may
// not mount, there is none.
func mountDisk(t testing.TB, path string) *disk {
	if os.Geteuid() != 0 {
		t.Log("without faults of the disk: they need root")
		return nil
	}
	image := filepath.Join(filepath.Dir(path), "disk.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, diskSize); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, path).CombinedOutput(); err != nil {
		t.Logf("without faults of the disk: mount: %s", out)
		return nil
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", path).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return &disk{path}
}

// fillDisk takes all room, again and again: the broker may free some.
func fillDisk(w *world, _ *rand.Rand) func() {
	ballast := filepath.Join(w.disk.path, "ballast")
	file, err := os.OpenFile(ballast, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		w.t.Error(err)
		return func() {}
	}
	block := make([]byte, 1<<20)
	fill := func() {
		for size := len(block); size > 0; {
			if _, err := file.Write(block[:size]); errors.Is(err, syscall.ENOSPC) {
				size /= 2
			} else if err != nil {
				return
			}
		}
	}
	fill()
	return func() {
		file.Close()
		if err := os.Remove(ballast); err != nil {
			w.t.Error(err)
		}
	}
}

// makeReadOnly makes the log's files immutable, so that a write to the open file fails
// too, as on a file system that the kernel has made read-only.
func makeReadOnly(w *world, _ *rand.Rand) func() {
	log := filepath.Join(w.disk.path, "keybroker")
	w.must("chattr", "-R", "+i", log)
	return func() { w.must("chattr", "-R", "-i", log) }
}

// freezeDisk makes each write wait.
func freezeDisk(w *world, _ *rand.Rand) func() {
	return w.frozen(`fsfreeze -f "$1"; read end; fsfreeze -u "$1"`)
}

// slowDisk makes each write wait some 20 ms.
func slowDisk(w *world, _ *rand.Rand) func() {
	return w.frozen(`while ! read -t 0.02 end; do fsfreeze -f "$1"; sleep 0.02; fsfreeze -u "$1"; done`)
}

// frozen runs a script that freezes the disk. Its standard input ends with the fault, and
// with this process, so that no frozen disk stays behind.
func (w *world) frozen(script string) (end func()) {
	cmd := exec.Command("bash", "-c", script, "bash", w.disk.path)
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		w.t.Error(err)
		return func() {}
	}
	return func() {
		_, _ = io.WriteString(in, "end\n")
		in.Close()
		_ = cmd.Wait() // fails where another fault has thawed the disk
	}
}
