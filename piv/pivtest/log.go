package pivtest

import (
	"encoding/hex"
	"fmt"
)

// maxLog bounds the log: the last APDUs are what one looks at.
const maxLog = 10000

// Log is the last APDUs, "> " before commands and "< " before answers. What
// commands with a PIN or key carry is not in it.
func (c *Card) Log() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.log...)
}

func (c *Card) record(line string) {
	if len(c.log) >= maxLog {
		c.log = append([]string(nil), c.log[maxLog/2:]...)
	}
	c.log = append(c.log, line)
}

func logCommand(apdu []byte) string {
	if len(apdu) > 5 {
		switch apdu[1] {
		case insVerify, insChange, insResetRetry, insImport, insSetManagement:
			return fmt.Sprintf("%x (%d bytes)", apdu[:5], len(apdu)-5)
		}
	}
	return hex.EncodeToString(apdu)
}

func logAnswer(answer []byte) string {
	n := len(answer) - 2
	if n == 0 {
		return hex.EncodeToString(answer)
	}
	return fmt.Sprintf("%x %x", answer[:n], answer[n:])
}
