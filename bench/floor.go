//go:build linux

package main

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
)

// The floor is what any agent in Go costs: this program, as a server that accepts, reads a
// request and writes a reply of the right size, with no keys, rules, log, or look at who asks.

const (
	// signatureReply is as long as the reply with an ed25519 or ECDSA signature, with its number.
	signatureReply = 1 + 4 + 83
	rawSignatures  = 200 // in each turn: the client collects no garbage
)

func floorKind() (kind, error) {
	program, err := os.Executable()
	return kind{Kind: gauge.Kind{
		Name: "floor", Socket: "floor.sock",
		Prepare: func(string) error { return nil },
		Command: func(dir string) *exec.Cmd {
			return exec.Command(program, "-floor", filepath.Join(dir, "floor.sock"))
		},
	}, floor: true}, err
}

// serveFloor is the server.
func serveFloor(path string) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answerFloor(conn)
	}
}

func answerFloor(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 4<<10)
	for {
		n, err := io.ReadAtLeast(conn, buf, 5)
		if err != nil {
			return
		}
		length := 4 + int(binary.BigEndian.Uint32(buf))
		if length > len(buf) {
			return
		}
		if n < length {
			if _, err := io.ReadFull(conn, buf[n:length]); err != nil {
				return
			}
		}
		if _, err := conn.Write(floorReply(buf[4])); err != nil {
			return
		}
	}
}

// floorReply is a frame with the number that the client expects.
func floorReply(request byte) []byte {
	switch request {
	case 11:
		return []byte{0, 0, 0, 5, 12, 0, 0, 0, 0}
	case 13:
		frame := binary.BigEndian.AppendUint32(nil, signatureReply)
		return append(append(frame, 14), make([]byte, signatureReply-1)...)
	default:
		return []byte{0, 0, 0, 1, 6}
	}
}

// aboveFloor is the time of a signature. For the floor it is what no agent in Go can do without: the
// reply on the same kind of socket, and the signature itself, in this process.
func (b *bench) aboveFloor(k *key) func(*agent) (float64, error) {
	sign := b.latency(k.Sign, k.Verify)
	reply := b.latency(k.Sign, func([]byte) error { return nil })
	return func(a *agent) (float64, error) {
		if !a.kind.floor {
			return sign(a)
		}
		took, err := reply(a)
		if err != nil {
			return 0, err
		}
		raw, err := k.raw()
		return took + raw, err
	}
}

// raw is the median time in microseconds of the signature alone.
func (k *key) raw() (float64, error) {
	took := make([]time.Duration, rawSignatures)
	for i := range took {
		begin := time.Now()
		if _, err := k.signer.Sign(rand.Reader, k.Data()); err != nil {
			return 0, err
		}
		took[i] = time.Since(begin)
	}
	return float64(gauge.Quantile(took, 0.5)) / float64(time.Microsecond), nil
}
