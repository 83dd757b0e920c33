//go:build linux

package chaos

import (
	crand "crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// clientMode is set for a client that misbehaves, clientSocket is where. These clients are
// other processes of another program, because the broker counts by program.
const (
	clientMode   = "KEYBROKER_CHAOS_CLIENT"
	clientSocket = "KEYBROKER_CHAOS_SOCKET"
	clientSign   = "KEYBROKER_CHAOS_SIGN" // a whole request to sign, in hex
)

// modes are how clients misbehave.
var modes = map[string]func(socket string){
	"cuts":    cutRequests,
	"churns":  churn,
	"crowds":  crowd,
	"is deaf": neverRead,
	"babbles": babble,
	"stops":   cutRequests, // and is stopped from outside, and goes on
}

func clientModes() (names []string) {
	for name := range modes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// misbehave is the main function of such a client.
func misbehave(mode string) {
	for {
		modes[mode](os.Getenv(clientSocket))
		time.Sleep(time.Millisecond)
	}
}

// startClient runs a copy of this program as the client. One that stops goes on, again and
// again, in the middle of a request or of a reply.
func startClient(mode string) func(*world, *rand.Rand) func() {
	return func(w *world, rng *rand.Rand) func() {
		cmd := exec.Command(w.hostileProgram())
		cmd.Env = []string{clientMode + "=" + mode, clientSocket + "=" + w.agentSocket(), clientSign + "=" + hex.EncodeToString(w.signFrame()), "HOME=" + w.dir}
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			w.t.Error(err)
			return func() {}
		}
		goesOn := func() {}
		if mode == "stops" {
			stopped := time.Duration(rng.IntN(int(minHold)))
			goesOn = repeat(5*time.Millisecond, func() {
				_ = cmd.Process.Signal(unix.SIGSTOP)
				time.Sleep(stopped)
				_ = cmd.Process.Signal(unix.SIGCONT)
			})
		}
		return func() {
			goesOn()
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
}

// signFrame is a request to sign with the sealed key.
func (w *world) signFrame() []byte {
	return frame(ssh.Marshal(struct {
		Number    byte
		Key, Data []byte
		Flags     uint32
	}{13, w.keys[sealed].Marshal(), signedData(), 0}))
}

// hostileProgram is a copy of this program under another name.
func (w *world) hostileProgram() string {
	path := filepath.Join(w.dir, "hostile")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	me, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	w.must("cp", me, path)
	return path
}

// frame is a request of the agent protocol (RFC 9987 section 4.2).
func frame(contents []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(contents))), contents...)
}

var listFrame = frame([]byte{11})

// cutRequests hangs up after each byte of a list and of a request to sign, the last one
// included: then the broker has the whole request and nobody to give the signature to.
func cutRequests(socket string) {
	sign, _ := hex.DecodeString(os.Getenv(clientSign))
	for _, request := range [][]byte{listFrame, sign} {
		for cut := range len(request) + 1 {
			conn, err := net.Dial("unix", socket)
			if err != nil {
				return
			}
			_, _ = conn.Write(request[:cut])
			conn.Close()
		}
	}
}

// churn opens and closes connections as fast as it can.
func churn(socket string) {
	for range 1000 {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return
		}
		conn.Close()
	}
}

// crowd holds as many connections as it gets.
func crowd(socket string) {
	var held []net.Conn
	for range 2000 {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			break
		}
		_, _ = conn.Write(listFrame)
		held = append(held, conn)
	}
	time.Sleep(maxHold)
	for _, conn := range held {
		conn.Close()
	}
}

// neverRead sends requests and reads no reply.
func neverRead(socket string) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(maxHold))
	for {
		if _, err := conn.Write(listFrame); err != nil {
			return
		}
	}
}

// babble sends frames of random bytes, and reads what comes.
func babble(socket string) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(maxHold))
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	for {
		contents := make([]byte, 1+rand.IntN(300))
		_, _ = crand.Read(contents)
		contents[0] %= 32
		if isDestructive(contents[0]) { // valid without contents
			continue
		}
		if _, err := conn.Write(frame(contents)); err != nil {
			return
		}
	}
}

// isDestructive is true for the message numbers that act without valid contents: remove
// all, of either version of the protocol. To lock needs a string, which random bytes are
// now and then.
func isDestructive(number byte) bool { return number == 9 || number == 19 || number == 22 }
