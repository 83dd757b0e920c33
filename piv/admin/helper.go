package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/keybroker/keybroker/piv"
)

// How long the helper may take.
const (
	// busyLimit: the broker's daemon lets a card go within 2 s, other programs
	// when they please. Then it is the person's turn.
	busyLimit = 10 * time.Second
	busyPause = 100 * time.Millisecond
	// operationLimit covers an RSA-4096 key, which takes a YubiKey minutes
	// with bad luck.
	operationLimit = 10 * time.Minute
)

// Helper runs operations, each in a process of its own.
type Helper struct {
	// Command is the process that calls Serve; it must not be started yet.
	Command func() *exec.Cmd
	// Waiting is told once a Run that another program holds the card; nil: nobody is.
	Waiting func()
}

// Run does one operation. While another program holds the card it starts a new
// process again and again for ten seconds: nothing was sent to the card then.
// Nothing else is ever repeated. ctx ends the waiting, and no operation that
// has begun.
//
// The error wraps piv.ErrBusy, piv.ErrOtherCard, piv.ErrRemoved,
// piv.ErrNotCompiledIn, ErrNotYubiKey or *piv.PINError where it is one of them.
func (h Helper) Run(ctx context.Context, r Request) (Answer, error) {
	waiting := h.Waiting
	for until := time.Now().Add(busyLimit); ; {
		answer, err := h.once(r)
		if !errors.Is(err, piv.ErrBusy) || time.Now().After(until) {
			return answer, wrap(r.Op, err)
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
			return Answer{}, wrap(r.Op, context.Cause(ctx))
		}
	}
}

func wrap(op Op, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// once runs the helper once.
func (h Helper) once(r Request) (Answer, error) {
	var request, output, complaint bytes.Buffer
	request.Grow(maxRequest) // never moved: its bytes are wiped below
	defer func() { clear(request.Bytes()[:request.Cap()]) }()
	if err := writeRequest(&request, r); err != nil {
		return Answer{}, err
	}
	cmd := h.Command()
	cmd.Stdout, cmd.Stderr = &output, &complaint
	in, err := cmd.StdinPipe()
	if err != nil {
		return Answer{}, err
	}
	if err := cmd.Start(); err != nil {
		return Answer{}, fmt.Errorf("start the helper: %w", err)
	}
	end := time.AfterFunc(operationLimit, func() { _ = cmd.Process.Kill() })
	defer end.Stop()
	_, err = in.Write(request.Bytes())
	err = errors.Join(err, in.Close(), cmd.Wait())
	if err != nil {
		return Answer{}, fmt.Errorf("the helper failed: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return readAnswer(output.Bytes())
}

func readAnswer(output []byte) (Answer, error) {
	var answer Answer
	if len(output) > maxAnswer {
		return answer, errors.New("the helper's answer is too long")
	}
	if err := json.Unmarshal(output, &answer); err != nil {
		return answer, fmt.Errorf("the helper's answer: %w", err)
	}
	return answer, answer.err()
}
