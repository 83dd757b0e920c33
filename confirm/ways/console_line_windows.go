package ways

import (
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	ctrlD     = 0x04
	ctrlZ     = 0x1a
	backspace = 0x08
)

// handleKey edits the line.
func (c *console) handleKey(r rune) error {
	switch {
	case r == ctrlD || r == ctrlZ:
		return io.EOF
	case r == ctrlC:
		c.ready = append(c.ready, ctrlC)
	case r == '\r':
		ready := make([]byte, 0, len(c.ready)+len(c.line)+1) // it does not grow: growing leaves copies
		c.ready = append(append(append(ready, c.ready...), c.line...), '\n')
		c.forget()
		return c.show("\n")
	case r == backspace && len(c.line) > 0:
		_, size := utf8.DecodeLastRune(c.line)
		clear(c.line[len(c.line)-size:])
		c.line = c.line[:len(c.line)-size]
		return c.show("\b \b")
	case r < ' ':
	case utf16.IsSurrogate(r) && c.high == 0:
		c.high = r
	default:
		if c.high != 0 {
			r, c.high = utf16.DecodeRune(c.high, r), 0
		}
		return c.add(r)
	}
	return nil
}

func (c *console) add(r rune) error {
	if len(c.line)+utf8.UTFMax >= maxSecret {
		c.forget()
		return errors.New("the line is too long")
	}
	if c.line == nil {
		c.line = make([]byte, 0, maxSecret) // nor does this
	}
	c.line = utf8.AppendRune(c.line, r)
	return c.show(string(r))
}

func (c *console) show(s string) error {
	if !c.echo {
		return nil
	}
	_, err := c.Write([]byte(s))
	return err
}

func (c *console) forget() {
	clear(c.line)
	c.line, c.high = c.line[:0], 0
}
