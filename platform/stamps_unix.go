//go:build unix

package platform

import (
	"time"

	"golang.org/x/sys/unix"
)

// stampOf follows links: the file that is read counts.
func stampOf(path string) fileStamp {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	for err == unix.EINTR {
		err = unix.Stat(path, &st)
	}
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{uint64(st.Dev), st.Ino, st.Size, time.Unix(st.Mtim.Unix()), time.Unix(st.Ctim.Unix())}
}
