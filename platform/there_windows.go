package platform

import "net"

func pidOf(conn net.Conn) int {
	pipe, ok := conn.(*pipeConn)
	if !ok {
		return 0
	}
	pid, _, err := pipe.otherEnd()
	if err != nil {
		return 0
	}
	return int(pid)
}
