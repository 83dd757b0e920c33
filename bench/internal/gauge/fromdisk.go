//go:build linux

package gauge

import (
	"os"

	"golang.org/x/sys/unix"
)

// FromDisk has the program read from the disk when it starts next, as after a boot. Of a
// file that was just written, the page cache has large folios, and Linux 6.18 maps all of
// one for each page that is touched.
func FromDisk(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := file.Sync(); err != nil {
		return err
	}
	return unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
}
