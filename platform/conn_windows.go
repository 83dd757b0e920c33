package platform

import (
	"os"
	"time"
)

// pipeEnds is one end of a connection.
type pipeEnds struct{ in, out *os.File }

func (p pipeEnds) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p pipeEnds) Write(b []byte) (int, error) { return p.out.Write(b) }
func (p pipeEnds) CloseWrite() error           { return p.out.Close() }

func (p pipeEnds) Close() error {
	_ = p.in.Close()
	return p.out.Close()
}

// SetDeadline does nothing, because these pipes have no deadlines. Killing the program
// closes its ends, which ends every read and write.
func (p pipeEnds) SetDeadline(time.Time) error { return nil }

// connect makes two pipes without a name. The program inherits its two ends of
// them, and nothing else (os/exec lists the handles).
func connect() (ours Conn, stdin, stdout *os.File, err error) {
	stdin, questions, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	answers, stdout, err := os.Pipe()
	if err != nil {
		_ = stdin.Close()
		_ = questions.Close()
		return nil, nil, nil, err
	}
	return pipeEnds{in: answers, out: questions}, stdin, stdout, nil
}
