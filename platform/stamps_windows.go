package platform

import (
	"os"
	"syscall"
	"time"
)

// stampOf has the time of creation in place of a number: asking for the number
// would open the file.
func stampOf(path string) fileStamp {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}
	}
	s := fileStamp{size: info.Size(), modified: info.ModTime()}
	if data, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		s.changed = time.Unix(0, data.CreationTime.Nanoseconds())
	}
	return s
}
