package hosts

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// utmpFiles are where Linux notes who is logged in with a terminal. Anybody may read them.
var utmpFiles = []string{"/run/utmp", "/var/run/utmp"}

// noSessions is what Sessions says of an account that nobody is logged in to.
const noSessions = "none with a terminal"

// A record of utmp(5), as glibc writes it on every architecture.
const (
	utmpSize    = 384
	utmpLogin   = 7 // USER_PROCESS
	maxSessions = 5 // that are named
)

// Sessions says in a few words which sessions the account has open, as utmp has them:
// sessions without a terminal are not there. "": it is not known.
func (h *Host) Sessions(ctx context.Context) string {
	for _, path := range utmpFiles {
		if data, _, err := h.ReadFile(ctx, path); err == nil {
			return sessionsIn(data, h.Account())
		}
	}
	return ""
}

func sessionsIn(utmp []byte, account string) string {
	if len(utmp) == 0 || len(utmp)%utmpSize != 0 { // another layout
		return ""
	}
	var open []string
	for record := range slices.Chunk(utmp, utmpSize) {
		if kind := binary.NativeEndian.Uint16(record); kind != utmpLogin || field(record[44:76]) != account {
			continue
		}
		where := field(record[8:40])
		if from := field(record[76:332]); from != "" {
			where += " from " + from
		}
		open = append(open, platform.Escape(where, 100))
	}
	if len(open) == 0 {
		return noSessions
	}
	return fmt.Sprintf("%d with a terminal: %s", len(open), strings.Join(open[:min(len(open), maxSessions)], ", "))
}

// field is a text that ends at the first zero byte.
func field(raw []byte) string {
	text, _, _ := bytes.Cut(raw, []byte{0})
	return string(text)
}
