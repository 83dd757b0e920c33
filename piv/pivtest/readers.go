package pivtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// pcscd's protocol with its clients, version 4:4 (pcsc-lite, winscard_msg.h):
// a header of size and command, in the machine's own byte order.
const (
	cmdVersion      = 0x11
	cmdReadersState = 0x12
	maxReaders      = 16
)

// readerState is pcsc-lite's struct READER_STATE on a 64-bit machine.
type readerState struct {
	Name      [128]byte
	Events    uint32
	State     uint32
	Sharing   int32
	ATR       [33]byte
	_         [3]byte
	ATRLength uint64
}

func (r *Rig) cardSeen(reader string) (bool, error) {
	state, err := r.reader(reader)
	return state.ATRLength > 0, err
}

// Seen tells whether pcscd has a powered card in slot i, as its clients are told.
func (r *Rig) Seen(i int) (bool, error) { return r.cardSeen(r.slots[i].Reader) }

// Users is how many programs are connected to the card in slot i; -1: one, which has it
// for itself.
func (r *Rig) Users(i int) (int, error) {
	state, err := r.reader(r.slots[i].Reader)
	return int(state.Sharing), err
}

// reader is what pcscd says of a reader; zero: it knows none of that name.
func (r *Rig) reader(reader string) (readerState, error) {
	readers, err := r.readers()
	if err != nil {
		return readerState{}, fmt.Errorf("pivtest: ask pcscd for its readers: %w", err)
	}
	for _, s := range readers {
		if name, _, _ := bytes.Cut(s.Name[:], []byte{0}); string(name) == reader {
			return s, nil
		}
	}
	return readerState{}, nil
}

func (r *Rig) readers() ([maxReaders]readerState, error) {
	var readers [maxReaders]readerState
	conn, err := net.Dial("unix", r.Socket)
	if err != nil {
		return readers, err
	}
	defer conn.Close()
	version := [3]uint32{4, 4, 0}
	if err := ask(conn, cmdVersion, &version); err != nil {
		return readers, err
	}
	if version[2] != 0 {
		return readers, fmt.Errorf("it speaks version %d:%d", version[0], version[1])
	}
	if err := binary.Write(conn, binary.NativeEndian, [2]uint32{0, cmdReadersState}); err != nil {
		return readers, err
	}
	return readers, binary.Read(conn, binary.NativeEndian, &readers)
}

// ask sends a message and reads the answer into it.
func ask(conn io.ReadWriter, command uint32, message any) error {
	head := [2]uint32{uint32(binary.Size(message)), command}
	if err := binary.Write(conn, binary.NativeEndian, head); err != nil {
		return err
	}
	if err := binary.Write(conn, binary.NativeEndian, message); err != nil {
		return err
	}
	return binary.Read(conn, binary.NativeEndian, message)
}
