package confine

import "golang.org/x/sys/unix"

// older are the calls for attributes that only amd64 has kept beside those of a later form.
var older = []uint32{unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_FUTIMESAT}
