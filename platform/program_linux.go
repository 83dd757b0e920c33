package platform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/unix"
)

const (
	// maxImage bounds what is copied into memory for a program. Ours have some
	// 15 MB, the largest of the others that are run less than one.
	maxImage = 128 << 20
	// imageMode lets nobody read the copy, its owner included: that is what
	// closes its processes.
	imageMode = 0o111
	// imageFD is the least number of the copy's descriptor: those that a program is
	// given (exec.Cmd.ExtraFiles) begin at 3 and must not take its place.
	imageFD = 64
	// imageSeals keep anybody who gets hold of the copy from changing it.
	imageSeals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
)

var errScript = errors.New("it is a script, whose interpreter must be able to read it")

func loadProgram(path string) (*Program, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return unreadable(path)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxImage {
		return nil, fmt.Errorf("%s is no program", path)
	}
	p := &Program{path: path}
	switch {
	case info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0: // a copy would lose them; with them it is closed anyway
	case !isELF(file):
		p.gap = errScript
	default:
		p.image, p.gap = copyImage(filepath.Base(path), file)
	}
	p.checkKernel()
	return p, nil
}

// unreadable is a program whose processes the kernel closes by itself, unless this user
// owns it: then any process of the user can make it readable again.
func unreadable(path string) (*Program, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if owned(info) {
		return nil, problem.With(fmt.Errorf("%s cannot be read, though it is yours", path), "make it readable: chmod u+r %s; or install it with root as its owner", ShellWord(path))
	}
	p := &Program{path: path}
	p.checkKernel()
	return p, nil
}

// checkKernel reads the one setting that leaves such processes open.
func (p *Program) checkKernel() {
	setting, err := os.ReadFile("/proc/sys/fs/suid_dumpable")
	if err == nil && p.gap == nil && string(bytes.TrimSpace(setting)) == "1" {
		p.gap = errors.New("fs.suid_dumpable is 1 (set it to 0 or 2)")
	}
}

func isELF(file io.ReaderAt) bool {
	var magic [4]byte
	_, err := file.ReadAt(magic[:], 0)
	return err == nil && string(magic[:]) == "\x7fELF"
}

// copyImage copies a program into a file without a name (memfd_create(2)).
func copyImage(name string, from io.Reader) (_ *os.File, err error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3, where each can be executed
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, imageFD)
	_ = unix.Close(fd)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	fd = high
	image := os.NewFile(uintptr(fd), name)
	defer func() {
		if err != nil {
			_ = image.Close()
		}
	}()
	if _, err := io.Copy(image, from); err != nil {
		return nil, err
	}
	if err := unix.Fchmod(fd, imageMode); err != nil {
		return nil, os.NewSyscallError("fchmod", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, imageSeals); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return image, nil
}

// imagePath is how the new process names the copy: it inherits the descriptor, which is
// closed when the program begins.
func imagePath(image *os.File) string {
	return "/proc/self/fd/" + strconv.FormatUint(uint64(image.Fd()), 10)
}
