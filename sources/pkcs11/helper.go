package pkcs11

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxMessage bounds a helper's answer, as OpenSSH does.
const maxMessage = 256 << 10

// answerTime is how long a helper may take to read one request, and then to
// answer it: the person may have to type a PIN on the reader, or to touch the
// token. A helper that takes longer is ended.
const answerTime = 2 * time.Minute

var errLate = problem.With(fmt.Errorf("ssh-pkcs11-helper did not answer within %v and was ended", answerTime), "load the token again: ssh-add -s; if it happens again, its library is faulty")

var errHelper = problem.New("ssh-pkcs11-helper has ended", "load the token again: ssh-add -s; if it happens again, its library is faulty")

// helper is one ssh-pkcs11-helper. It answers requests one after the other; a
// caller that waits no longer does not disturb the order.
type helper struct {
	cmd    *exec.Cmd
	conn   platform.Conn
	jobs   chan job
	done   chan struct{} // closed when the process is gone
	limit  time.Duration // answerTime, but for tests
	newish bool          // it speaks the dialect of OpenSSH 10.1; set by load
}

// job is a message to send; its answer is awaited.
type job struct {
	message []byte // wiped once it is sent
	reply   chan reply
}

type reply struct {
	answer []byte
	err    error
}

// startHelper starts one. The caller has it served.
func startHelper(config Config) (*helper, error) {
	path, err := config.helperPath()
	if err != nil {
		return nil, err
	}
	h := &helper{cmd: exec.Command(path), jobs: make(chan job), done: make(chan struct{}), limit: answerTime}
	if h.conn, err = platform.StartChild(h.cmd); err != nil {
		return nil, fmt.Errorf("start the helper: %w", err)
	}
	return h, nil
}

// serve owns the connection, until the helper ends or breaks the protocol. Then it
// calls gone.
func (h *helper) serve(gone func()) {
	ended := make(chan struct{})
	answers := make(chan []byte)
	go func() { defer close(ended); h.read(answers) }()
	defer func() {
		h.end(answers)
		<-ended
		close(h.done)
		gone()
	}()
	for {
		select {
		case <-ended:
			return
		case one := <-h.jobs:
			answer := h.do(one, answers)
			one.reply <- answer
			if answer.err != nil {
				return
			}
		}
	}
}

// end ends the process.
func (h *helper) end(answers <-chan []byte) {
	_ = h.cmd.Process.Kill()
	_ = h.conn.Close()
	for range answers { // lets the reader see the end
	}
	_ = h.cmd.Wait()
}

// read hands every answer on, to the end of the connection.
func (h *helper) read(answers chan<- []byte) {
	defer close(answers)
	for {
		var header [4]byte
		if _, err := io.ReadFull(h.conn, header[:]); err != nil {
			return
		}
		length := binary.BigEndian.Uint32(header[:])
		if length == 0 || length > maxMessage {
			return
		}
		message := make([]byte, length)
		if _, err := io.ReadFull(h.conn, message); err != nil {
			return
		}
		answers <- message
	}
}

func (h *helper) do(one job, answers <-chan []byte) reply {
	unread := time.AfterFunc(h.limit, func() { h.kill(); _ = h.conn.Close() })
	err := h.send(one.message)
	switch {
	case !unread.Stop():
		return reply{err: errLate}
	case err != nil:
		return reply{err: errHelper}
	}
	return next(answers, h.limit)
}

// next waits for an answer up to the limit.
func next(answers <-chan []byte, limit time.Duration) reply {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case answer, ok := <-answers:
		if !ok {
			return reply{err: errHelper}
		}
		return reply{answer: answer}
	case <-late.C: // what it answers later would be taken for the next answer
		return reply{err: errLate}
	}
}

// send wipes the message.
func (h *helper) send(message []byte) error {
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
	_, err := h.conn.Write(frame)
	clear(frame)
	clear(message)
	return err
}

// ask sends a message and returns its answer.
func (h *helper) ask(ctx context.Context, message []byte) ([]byte, error) {
	one := job{message: message, reply: make(chan reply, 1)}
	select {
	case h.jobs <- one:
	case <-h.done:
		return nil, errHelper
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case r := <-one.reply:
		return r.answer, r.err
	case <-ctx.Done(): // the answer is read and dropped
		return nil, context.Cause(ctx)
	}
}

func (h *helper) ended() bool {
	select {
	case <-h.done:
		return true
	default:
		return false
	}
}

// kill ends the process, also one that hangs in its library. It does not wait.
func (h *helper) kill() { _ = h.cmd.Process.Kill() }
