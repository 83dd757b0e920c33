package platform

import "net"

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
