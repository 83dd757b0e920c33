package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

// operationLimit covers making an RSA-4096 key, which can take a YubiKey minutes.
const operationLimit = 10 * time.Minute

// Helper runs each operation in a separate process.
type Helper struct {
	// Command returns a process that calls Serve, not started yet.
	Command func() *exec.Cmd
	// Waiting is called at most once per Run, while another program holds the card.
	Waiting func()
}

// Run does one operation. While another program holds the card, it retries with a
// new process (see piv.WhileBusy): nothing was sent to the card then. It retries
// nothing else. ctx ends the waiting, but not an operation that has begun.
//
// The error may wrap piv.ErrBusy, piv.ErrOtherCard, piv.ErrRemoved,
// piv.ErrNotCompiledIn, piv.ErrManagementKey, ErrNotYubiKey, *piv.PINError or
// piv.Status.
func (h Helper) Run(ctx context.Context, r Request) (answer Answer, err error) {
	err = piv.WhileBusy(ctx, h.Waiting, func() (err error) {
		answer, err = h.once(r)
		return err
	})
	if err != nil {
		return Answer{}, fmt.Errorf("%s: %w", r.Op, err)
	}
	return answer, nil
}

// once runs the helper once.
func (h Helper) once(r Request) (Answer, error) {
	var request, complaint bytes.Buffer
	request.Grow(maxFrame) // never moved: its bytes are wiped below
	defer func() { clear(request.Bytes()[:request.Cap()]) }()
	if err := writeRequest(&request, r); err != nil {
		return Answer{}, err
	}
	cmd := h.Command()
	cmd.Stderr = &complaint
	conn, err := platform.StartChild(cmd)
	if err != nil {
		return Answer{}, fmt.Errorf("start the helper: %w", err)
	}
	end := time.AfterFunc(operationLimit, func() { _ = cmd.Process.Kill() })
	defer end.Stop()
	_, errWrite := conn.Write(request.Bytes())
	_ = conn.CloseWrite() // the only request
	output, err := io.ReadAll(io.LimitReader(conn, maxAnswer+1))
	err = errors.Join(errWrite, err, conn.Close(), cmd.Wait()) // Close also ends a helper that writes too much
	if err != nil {
		return Answer{}, fmt.Errorf("the helper failed: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return readAnswer(output)
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
