package platform

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Limits on what is looked through for one connection: an ssh client has a
// handful of open files, and a table of a thousand connections has 150 KiB.
const (
	maxOpenFiles = 256
	maxTCPTable  = 512 << 10
)

const tcpEstablished = "01" // include/net/tcp_states.h

func remoteOf(p Process) (remote netip.AddrPort, ok bool) {
	dir, err := openProc(p.PID)
	if err != nil {
		return remote, false
	}
	defer unix.Close(dir)
	sockets := socketsAt(dir)
	if st, err := statAt(dir); err != nil || st.start != p.Start || len(sockets) == 0 {
		return remote, false
	}
	var found []netip.AddrPort
	for _, table := range []string{"net/tcp", "net/tcp6"} { // of the network that the process sees
		found = append(found, connections(dir, table, sockets)...)
	}
	slices.SortFunc(found, netip.AddrPort.Compare)
	if found = slices.Compact(found); len(found) != 1 {
		return remote, false
	}
	return found[0], true
}

// socketsAt are the inodes of the open sockets, as the kernel writes them.
func socketsAt(dir int) []string {
	fd, err := unix.Openat(dir, "fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	files := os.NewFile(uintptr(fd), "fd")
	defer files.Close()
	names, _ := files.Readdirnames(maxOpenFiles)
	var inodes []string
	for _, name := range names {
		if inode, ok := strings.CutPrefix(linkAt(fd, name), "socket:["); ok {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	return inodes
}

// connections reads a table of proc_net_tcp(5): sl, local, remote, state, two
// pairs of numbers, uid, timeout, inode.
func connections(dir int, table string, inodes []string) (remotes []netip.AddrPort) {
	fd, err := unix.Openat(dir, table, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), table)
	defer file.Close()
	text, _ := io.ReadAll(io.LimitReader(file, maxTCPTable))
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) < 10 || fields[3] != tcpEstablished || !slices.Contains(inodes, fields[9]) {
			continue
		}
		if remote, ok := parseRemote(fields[2]); ok {
			remotes = append(remotes, remote)
		}
	}
	return remotes
}

// parseRemote reads "0100007F:0016": words in the machine's order of bytes.
func parseRemote(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	number, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	address, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(address.Unmap(), uint16(number)), true
}
