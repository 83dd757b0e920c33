package ways

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/keybroker/keybroker/platform"
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

// exitTimeout is how long a pinentry that has answered may take to end.
const exitTimeout = 10 * time.Second

// talk runs one conversation and leaves no process behind. When ctx ends, it
// returns ctx's error at once. What was said counts only when the program then ends
// as it should: an answer that was slipped in while its window still stands is none.
func (p *pinentry) talk(ctx context.Context, say func(*assuan) error) error {
	running, end := context.WithCancel(ctx)
	defer end()
	cmd := command(running, p.path, childEnv(p.env))
	conn, err := start(cmd)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer conn.Close()
	a := &assuan{r: conn, w: conn}
	defer a.wipe()
	err = a.greeting()
	if err == nil {
		p.options(ctx, a)
		err = say(a)
	}
	if err == nil {
		late := time.AfterFunc(exitTimeout, end)
		defer late.Stop()
		err = a.bye()
	}
	if err != nil {
		end()
	}
	if ended := cmd.Wait(); err == nil { // otherwise it was killed, and its exit status says nothing
		err = ended
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return errors.New("the program ended without an answer")
	}
	return err
}

// options are refused by some programs, which is no harm.
func (p *pinentry) options(ctx context.Context, a *assuan) {
	_, _ = a.call("OPTION lc-ctype=" + localeOf(p.env))
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

// start starts a prompt program. The connection is closed when it is killed, so that
// nothing it left behind can keep us reading. The caller closes it otherwise.
func start(cmd *exec.Cmd) (platform.Conn, error) {
	kill := cmd.Cancel
	var conn platform.Conn
	started := make(chan struct{})
	cmd.Cancel = func() error {
		err := kill()
		<-started
		_ = conn.Close()
		return err
	}
	conn, err := platform.StartChild(cmd)
	close(started)
	return conn, err
}
