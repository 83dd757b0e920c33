package platform

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Whoever listens at a socket, and whoever is connected to it, is found; also a child that
// took the socket over from a process that has ended.
func TestHoldersAndClients(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	accepted, err := listener.Accept() // until then the kernel names no peer
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if list, sure := Holders(conn, path); !sure || !slices.ContainsFunc(list, isSelf) {
		t.Errorf("holders: %v, %v", list, sure)
	}
	if err := os.Link(path, path+"2"); err != nil { // as ssh makes a ControlPath
		t.Fatal(err)
	}
	if list, sure := Holders(conn, path+"2"); !sure || !slices.ContainsFunc(list, isSelf) {
		t.Errorf("holders under another name: %v, %v", list, sure)
	}
	if list, others := Clients(path); others != 0 || len(list) != 1 || !isSelf(list[0]) {
		t.Errorf("clients: %v, and %d others", list, others)
	}
	if list, others := Clients(path + "x"); len(list) != 0 || others != 0 {
		t.Errorf("clients of no socket: %v, %d", list, others)
	}
	if !slices.ContainsFunc(Mine(), isSelf) {
		t.Error("this process is not among mine")
	}
}

func isSelf(p Process) bool { return p.PID == os.Getpid() && p.Name != "" }

// ssh-agent listens, and serves in a child.
func TestHolderIsAChild(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := exec.Command("ssh-agent", "-a", path).Run(); err != nil {
		t.Skip("ssh-agent: ", err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	list, _ := Holders(conn, path)
	i := slices.IndexFunc(list, func(p Process) bool { return p.Name == "ssh-agent" })
	if i < 0 {
		t.Fatalf("the holders of ssh-agent's socket are %v", list)
	}
	agent, err := os.FindProcess(list[i].PID)
	if err != nil || agent.Kill() != nil {
		t.Error("it could not be ended")
	}
}

func TestParseUnixSocket(t *testing.T) {
	for _, b := range [][]byte{nil, make([]byte, diagMessage-1), append(make([]byte, diagMessage), 200, 0, 0, 0), append(make([]byte, diagMessage), 0, 0, 0, 0)} {
		if s, ok := parseUnixSocket(b); ok {
			t.Errorf("%v: %v", b, s)
		}
	}
}
