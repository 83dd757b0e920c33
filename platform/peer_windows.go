package platform

import (
	"fmt"
	"net"

	"golang.org/x/sys/windows"
)

// peerOf asks the system which process is at the other end, and looks at it while
// it holds it, so that its id is given to no other. A process that is younger
// than the connection did not make it: the peer has ended, and its id has gone
// to another.
//
// Who may not be looked at is the user who is known to be there all the same,
// but not more than that. The id is advice: a program of the user's can make
// the system name another.
func peerOf(conn net.Conn) (Peer, error) {
	pipe, ok := conn.(*pipeConn)
	if !ok {
		return Peer{}, fmt.Errorf("identify the peer: a %T is no pipe", conn)
	}
	pid, user, err := pipe.otherEnd()
	if err != nil {
		return Peer{}, fmt.Errorf("identify the peer: %w", err)
	}
	known := Peer{User: user}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, pid)
	if err != nil {
		return known, nil
	}
	defer windows.CloseHandle(process)
	peer := known
	if user, err := userOfProcess(process); err == nil {
		peer.User, known.User = user, user
	}
	if peer.identify(int(pid)) != nil || peer.Start > ticks(pipe.connected) || ended(process) {
		return known, nil
	}
	// There are no terminals to tell from. What runs in the person's own session
	// is before them; services have one of their own.
	peer.Attended = sameSession(pid)
	return peer, nil
}

func ended(process windows.Handle) bool {
	event, err := windows.WaitForSingleObject(process, 0)
	return err != nil || event != uint32(windows.WAIT_TIMEOUT)
}

// sameSession reports whether a process runs in this process's session: a desktop
// that somebody logged in to, or session 0, of the services.
func sameSession(pid uint32) bool {
	var ours, theirs uint32
	return windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &ours) == nil &&
		windows.ProcessIdToSessionId(pid, &theirs) == nil && ours == theirs
}

// terminalName has none to name.
func terminalName(uint64) string { return "" }

// surroundings are none: Windows' containers are machines of their own, and their
// pipes are not these.
func surroundings(int) (contained bool, shared Shares) { return false, Shares{} }
