package platform

import (
	"net"
	"net/netip"
	"os"
	"testing"
)

// TestRemoteOf needs a process of its own with one connection: it is this one,
// with the connections that it has.
func TestRemoteOf(t *testing.T) {
	self, err := readStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p := Process{PID: os.Getpid(), Start: self.start}
	if remote, ok := RemoteOf(p); ok {
		t.Fatalf("without a connection: %v", remote)
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("no %s here: %v", address, err)
			continue
		}
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		want := netip.MustParseAddrPort(listener.Addr().String())
		if remote, ok := RemoteOf(p); !ok || remote != want { // the other end is not accepted, and no socket yet
			t.Errorf("got %v, %v; want %v", remote, ok, want)
		}
		if _, ok := RemoteOf(Process{PID: p.PID, Start: p.Start + 1}); ok {
			t.Error("another process under the same number was taken for it")
		}
		accepted, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if remote, ok := RemoteOf(p); ok {
			t.Errorf("of two connections one was chosen: %v", remote)
		}
		accepted.Close()
		conn.Close()
		listener.Close()
	}
}
