package confirm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"time"
)

// setAll sends the settings that have a text.
func setAll(a *assuan, settings [][2]string) error {
	for _, s := range settings {
		if s[1] == "" {
			continue
		}
		if err := a.set(s[0], s[1]); err != nil {
			return fmt.Errorf("%s: %w", s[0], err)
		}
	}
	return nil
}

// talk runs one conversation and leaves no process behind. When ctx ends, it
// returns ctx's error at once.
func (p *pinentry) talk(ctx context.Context, say func(*assuan) error) error {
	running, end := context.WithCancel(ctx)
	defer end()
	cmd := command(running, p.path, childEnv(p.env))
	in, out, err := pipes(cmd)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer func() { end(); _ = cmd.Wait() }() // killed: its exit status says nothing
	a := &assuan{r: out, w: in}
	defer a.wipe()
	err = a.greeting()
	if err == nil {
		p.options(ctx, a)
		err = say(a)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the program ended without an answer")
	}
	return err
}

// options are refused by some programs, which is no harm.
func (p *pinentry) options(ctx context.Context, a *assuan) {
	_, _ = a.call("OPTION lc-ctype=" + ctype(p.env))
	if tty := p.env("GPG_TTY"); filepath.IsAbs(tty) {
		_ = a.set("OPTION", "ttyname="+tty)
		if term := p.env("TERM"); term != "" {
			_ = a.set("OPTION", "ttytype="+term)
		}
	}
	if end, ok := ctx.Deadline(); ok {
		// It closes by itself a little after we would kill it: should the
		// daemon die, no window stays behind.
		seconds := math.Ceil(time.Until(end).Seconds()) + 2
		_, _ = a.call(fmt.Sprintf("SETTIMEOUT %d", int(seconds)))
	}
}

// pipes connects the program; both ends are closed when it is killed, so that
// nothing it left behind can keep us reading.
func pipes(cmd *exec.Cmd) (io.Writer, io.Reader, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	kill := cmd.Cancel
	cmd.Cancel = func() error {
		err := kill()
		_ = in.Close()
		_ = out.Close()
		return err
	}
	return in, out, nil
}
