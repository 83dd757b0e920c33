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

// maxMessage bounds a helper's answer, as in OpenSSH.
const maxMessage = 256 << 10

// answerTimeout bounds the reading of one request, and then its answer: the person
// may have to type a PIN on the reader or touch the token. A helper that takes
// longer is ended.
const answerTimeout = 2 * time.Minute

var errTimeout = problem.With(fmt.Errorf("ssh-pkcs11-helper did not answer within %v and was ended", answerTimeout), "load the token again: ssh-add -s; if it happens again, its library is faulty")

var errHelper = problem.New("ssh-pkcs11-helper has ended", "load the token again: ssh-add -s; if it happens again, its library is faulty")

// helper is one ssh-pkcs11-helper. It answers requests one after the other, even
// those whose caller no longer waits.
type helper struct {
	cmd        *exec.Cmd
	conn       platform.Conn
	jobs       chan job
	done       chan struct{} // closed when the process has ended
	limit      time.Duration // answerTimeout, except in tests
	newDialect bool          // it speaks the dialect of OpenSSH 10.1; set by load
}

// job is a message to send, and the channel for its answer.
type job struct {
	message []byte // wiped once it is sent
	reply   chan reply
}

type reply struct {
	answer []byte
	err    error
}

// startHelper starts a helper. The caller calls serve or dialect.
func startHelper(config Config) (*helper, error) {
	path, err := config.helperPath()
	if err != nil {
		return nil, err
	}
	h := &helper{cmd: platform.Command(context.Background(), path), jobs: make(chan job), done: make(chan struct{}), limit: answerTimeout}
	if h.conn, err = platform.StartChild(h.cmd); err != nil {
		return nil, fmt.Errorf("start the helper: %w", err)
	}
	return h, nil
}

// serve owns the connection until the helper ends or breaks the protocol, and
// then calls gone.
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
		case request := <-h.jobs:
			answer := h.do(request, answers)
			request.reply <- answer
			if answer.err != nil {
				return
			}
		}
	}
}

// end ends the process and waits for it.
func (h *helper) end(answers <-chan []byte) {
	_ = h.cmd.Process.Kill()
	_ = h.conn.Close()
	for range answers { // lets the reader see the end
	}
	_ = h.cmd.Wait()
}

// read sends every answer to answers, until the connection ends.
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

func (h *helper) do(request job, answers <-chan []byte) reply {
	unread := time.AfterFunc(h.limit, func() { h.kill(); _ = h.conn.Close() })
	err := h.send(request.message)
	switch {
	case !unread.Stop():
		return reply{err: errTimeout}
	case err != nil:
		return reply{err: errHelper}
	}
	return next(answers, h.limit)
}

// next waits for an answer, for at most limit.
func next(answers <-chan []byte, limit time.Duration) reply {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case answer, ok := <-answers:
		if !ok {
			return reply{err: errHelper}
		}
		return reply{answer: answer}
	case <-late.C: // a late answer would be mistaken for the next one
		return reply{err: errTimeout}
	}
}

// send sends the message and wipes it.
func (h *helper) send(message []byte) error {
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
	_, err := h.conn.Write(frame)
	clear(frame)
	clear(message)
	return err
}

// ask sends a message and returns its answer.
func (h *helper) ask(ctx context.Context, message []byte) ([]byte, error) {
	request := job{message: message, reply: make(chan reply, 1)}
	select {
	case h.jobs <- request:
	case <-h.done:
		return nil, errHelper
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case r := <-request.reply:
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

// kill ends the process, even if it hangs in its library. It does not wait.
func (h *helper) kill() { _ = h.cmd.Process.Kill() }
