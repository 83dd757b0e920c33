package platform

import (
	"net"
	"unsafe"

	"golang.org/x/sys/windows"
)

// pipeState is FILE_PIPE_LOCAL_INFORMATION of ntifs.h.
type pipeState struct {
	_     [8]uint32
	state uint32
	_     uint32
}

const (
	filePipeLocalInformation = 24
	filePipeClosingState     = 4
)

// hungUp asks for the pipe's state, which unread bytes do not hide.
func hungUp(conn net.Conn) bool {
	pipe, ok := conn.(*pipeConn)
	if !ok {
		return false
	}
	raw, err := pipe.SyscallConn()
	if err != nil {
		return true
	}
	var now pipeState
	e := raw.Control(func(handle uintptr) {
		var status windows.IO_STATUS_BLOCK
		err = windows.NtQueryInformationFile(windows.Handle(handle), &status, (*byte)(unsafe.Pointer(&now)), uint32(unsafe.Sizeof(now)), filePipeLocalInformation)
	})
	return e != nil || err == nil && now.state == filePipeClosingState
}

func pidOf(conn net.Conn) int {
	known, ok := conn.(otherEnd)
	if !ok {
		return 0
	}
	other, err := known.otherEnd()
	if err != nil {
		return 0
	}
	return int(other.pid)
}
