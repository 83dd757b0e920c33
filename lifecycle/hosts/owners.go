package hosts

import (
	"io/fs"

	"github.com/pkg/sftp"
)

func uidOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*sftp.FileStat); ok {
		return int(stat.UID)
	}
	return -1
}

func owners(info fs.FileInfo) (uid, gid uint32) {
	if stat, ok := info.Sys().(*sftp.FileStat); ok {
		return stat.UID, stat.GID
	}
	return 0, 0
}
