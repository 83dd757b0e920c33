package platform

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dontNeedLocked is MADV_DONTNEED_LOCKED of madvise(2), since Linux 5.18. MADV_DONTNEED
// refuses what mlockall(2) has locked, and that is the program's code, too.
const dontNeedLocked = 24

// mapping is one entry of proc_pid_smaps(5).
type mapping struct {
	begin, end uintptr
	file       bool // of a file, private and not writable
	changed    bool // some of its pages are not the file's any more, such as relocated ones
}

// giveBack leaves alone what is not the file's any more.
func giveBack() {
	for _, m := range mappings() {
		if m.file && !m.changed {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.begin, m.end-m.begin, dontNeedLocked)
		}
	}
}

// mappings reads this process's; nil where /proc cannot be read.
func mappings() (all []mapping) {
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil
	}
	defer smaps.Close()
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if m, ok := mappingOf(fields); ok {
			all = append(all, m)
		} else if len(all) > 0 && len(fields) > 1 && fields[0] == "Anonymous:" {
			all[len(all)-1].changed = fields[1] != "0"
		}
	}
	return all
}

// mappingOf reads the line that begins an entry: "00402000-00a2f000 r-xp 00002000 fe:00
// 7603 /usr/bin/keybroker". An entry counts as changed until its lines say that it is not.
func mappingOf(fields []string) (mapping, bool) {
	if len(fields) < 5 || len(fields[1]) != len("r-xp") {
		return mapping{}, false
	}
	from, to, _ := strings.Cut(fields[0], "-")
	begin, err1 := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	file := len(fields) > 5 && strings.HasPrefix(fields[5], "/") && fields[1][1] == '-' && fields[1][3] == 'p'
	return mapping{uintptr(begin), uintptr(end), file, true}, err1 == nil && err2 == nil
}
