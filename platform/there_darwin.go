package platform

import "net"

func pidOf(conn net.Conn) int {
	_, pid, err := credentials(conn)
	if err != nil {
		return 0
	}
	return pid
}
