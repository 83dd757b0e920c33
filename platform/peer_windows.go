package platform

import (
	"fmt"
	"net"

	"golang.org/x/sys/windows"
)

// peerOf asks the system which process is at the other end, and holds that process open
// while it reads, so that its id is not reused. A process younger than the connection
// cannot have made it: the peer has ended, and its id was reused.
//
// If the process may not be read, only the user of the connection is known. The id is
// advice: a program of the same user can make the system report another.
func peerOf(conn net.Conn, recent *Peers) (Peer, error) {
	known, ok := conn.(otherEnd)
	if !ok {
		return Peer{}, fmt.Errorf("identify the peer: a %T does not know its other end", conn)
	}
	other, err := known.otherEnd()
	if err != nil {
		return Peer{}, fmt.Errorf("identify the peer: %w", err)
	}
	return other.look(recent), nil
}

// look returns no more than the user if the process cannot be looked at.
func (o other) look(recent *Peers) Peer {
	known := Peer{User: o.user}
	if o.pid == 0 {
		return known
	}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, o.pid)
	if err != nil {
		return known
	}
	defer windows.CloseHandle(process)
	peer := known
	if user, err := userOfProcess(process); err == nil {
		peer.User, known.User = user, user
	}
	if peer.identify(int(o.pid), recent) != nil || peer.Start > ticks(o.since) || ended(process) {
		return known
	}
	// Windows has no terminals to judge by. What runs in the person's own session
	// counts as the foreground; services have another session.
	peer.Attended = sameSession(o.pid)
	return peer
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
