//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/keybroker/keybroker/bench/internal/gauge"
)

const (
	// windowRounds is how often each of the two shows its window, each time with a
	// new broker: one that is asked so often refuses.
	windowRounds = 50
	// pause between two windows, so that one's end is not counted as the other's
	// beginning: a toolkit takes a moment to end.
	pause = 50 * time.Millisecond
	// showTime is how long to wait for a window.
	showTime = 10 * time.Second
	// lookTime is how often a window is checked until it is painted.
	lookTime = time.Millisecond
	// smallest is the width of a window that holds a question: toolkits also map
	// small ones that nobody sees.
	smallest = 200
	// painted is how many pixels differ from the background once text is there.
	painted = 500
)

// screen is an X server with nothing else on it.
type screen struct {
	display string
	server  *exec.Cmd
	conn    *xgb.Conn
	events  chan xgb.Event
}

// newScreen prints a note and returns nil if Xvfb or pinentry-qt is missing.
func newScreen() *screen {
	s, err := startScreen()
	if err != nil {
		fmt.Fprintln(os.Stderr, "windows are not measured:", err)
		return nil
	}
	return s
}

func startScreen() (*screen, error) {
	if _, err := exec.LookPath("pinentry-qt"); err != nil {
		return nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	s := &screen{server: exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset")}
	s.server.ExtraFiles = []*os.File{writer}
	s.server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	err = s.server.Start()
	writer.Close()
	if err != nil {
		return nil, err
	}
	number, err := bufio.NewReader(reader).ReadString('\n')
	if err == nil {
		s.display = ":" + strings.TrimSpace(number)
		xgb.Logger = log.New(io.Discard, "", 0)
		s.conn, err = xgb.NewConnDisplay(s.display)
	}
	if err != nil {
		s.server.Process.Kill()
		s.server.Wait()
		return nil, err
	}
	root := xproto.Setup(s.conn).DefaultScreen(s.conn).Root
	xproto.ChangeWindowAttributes(s.conn, root, xproto.CwEventMask, []uint32{xproto.EventMaskSubstructureNotify})
	s.events = make(chan xgb.Event, 64)
	go func() {
		defer close(s.events)
		for {
			event, err := s.conn.WaitForEvent()
			if event == nil && err == nil {
				return
			}
			if event != nil {
				s.events <- event
			}
		}
	}()
	return s, nil
}

func (s *screen) close() {
	s.server.Process.Signal(syscall.SIGTERM)
	s.server.Wait()
}

// visible is the time from a request to the first moment at which the question's
// text is on the screen. The client hangs up then, and the window goes.
func (b *bench) visible(k *key) func(*agent) (float64, error) {
	return func(a *agent) (float64, error) {
		time.Sleep(pause)
		b.screen.drain()
		c, err := gauge.Dial(a.Socket, b.buf)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		begin := time.Now()
		if err := c.Send(k.Sign); err != nil {
			return 0, err
		}
		window, err := b.screen.mapped()
		if err == nil {
			err = b.screen.painted(window)
		}
		took := time.Since(begin)
		c.Close()
		c.FD = -1
		if err == nil {
			err = b.screen.gone(window)
		}
		return float64(took) / float64(time.Millisecond), err
	}
}

func (s *screen) drain() {
	for len(s.events) > 0 {
		<-s.events
	}
}

var errNoWindow = errors.New("no window was shown")

// mapped waits for a window that is large enough for a question.
func (s *screen) mapped() (xproto.Window, error) {
	for give := time.After(showTime); ; {
		select {
		case event := <-s.events:
			if e, ok := event.(xproto.MapNotifyEvent); ok {
				if g, err := xproto.GetGeometry(s.conn, xproto.Drawable(e.Window)).Reply(); err == nil && g.Width >= smallest {
					return e.Window, nil
				}
			}
		case <-give:
			return 0, errNoWindow
		}
	}
}

// painted waits until the window holds more than one colour.
func (s *screen) painted(window xproto.Window) error {
	for end := time.Now().Add(showTime); time.Now().Before(end); time.Sleep(lookTime) {
		g, err := xproto.GetGeometry(s.conn, xproto.Drawable(window)).Reply()
		if err != nil {
			return err
		}
		image, err := xproto.GetImage(s.conn, xproto.ImageFormatZPixmap, xproto.Drawable(window), 0, 0, g.Width, g.Height, 1<<32-1).Reply()
		if err != nil {
			return err
		}
		if differing(image.Data) >= painted {
			return nil
		}
	}
	return errNoWindow
}

// differing counts the pixels that are not like the first one.
func differing(pixels []byte) (n int) {
	const size = 4
	for i := size; i+size <= len(pixels); i += size {
		if !bytes.Equal(pixels[i:i+size-1], pixels[:size-1]) {
			n++
		}
	}
	return n
}

func (s *screen) gone(window xproto.Window) error {
	for give := time.After(showTime); ; {
		select {
		case event := <-s.events:
			if e, ok := event.(xproto.DestroyNotifyEvent); ok && e.Window == window {
				return nil
			}
		case <-give:
			return errors.New("a window stayed although its client hung up")
		}
	}
}
