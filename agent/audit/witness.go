package audit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// HeadID is the MESSAGE_ID of heads in the journal (systemd.journal-fields(7)).
const HeadID = "5d0f3a2c7be94c6f8f1d9a64c2e7b813"

// maxJournalLine bounds one line of journalctl's output. journalctl prints at most
// 64 KiB of a field, and a head has a dozen short fields.
const maxJournalLine = 1 << 20

// HeadText formats a head for the system's log. dir names the audit log.
func HeadText(h Head, dir string) string {
	return fmt.Sprintf("audit head: record %d %s of %s", h.Seq, h.Hash, strconv.QuoteToASCII(dir))
}

var headText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`audit head: record (\d{1,20}) ([0-9a-f]{64}) of ("(?:[^"\\]|\\.)*")$`)
})

// parseHead reads what HeadText wrote, at the end of a line.
func parseHead(text, dir string) (Head, bool) {
	m := headText().FindStringSubmatch(text)
	if m == nil {
		return Head{}, false
	}
	seq, err := strconv.ParseUint(m[1], 10, 64)
	logDir, badDir := strconv.Unquote(m[3])
	return Head{Seq: seq, Hash: m[2]}, err == nil && badDir == nil && logDir == dir
}

// Witness says which heads in the system's log count.
type Witness struct {
	Dir string // of the audit log
	UID string // decimal; of the broker's user
	Exe string // real path of the broker's executable
}

// Heads are the heads of one audit log that were found in the system's log.
type Heads struct {
	Witnessed []Witnessed
	LeftOut   int  // from another user or program, and so not trustworthy
	Syslog    bool // there are syslog lines, which any program can write
}

// ReadHeads reads the output of `journalctl -o json`, or lines of a syslog file.
// Journal entries count only from the broker's user and program. journald fills in
// those fields itself: clients cannot send fields that begin with "_". A syslog line
// has no such proof.
func (w Witness) ReadHeads(r io.Reader) (Heads, error) {
	var found Heads
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxJournalLine)
	for lines.Scan() {
		if line := lines.Bytes(); len(line) > 0 && line[0] == '{' {
			w.entry(line, &found)
		} else if head, ok := parseHead(string(line), w.Dir); ok {
			found.Syslog = true
			found.Witnessed = append(found.Witnessed, Witnessed{head, "a line of syslog"})
		}
	}
	return found, lines.Err()
}

// entry reads one entry of the journal.
func (w Witness) entry(line []byte, found *Heads) {
	var e struct {
		Message any    `json:"MESSAGE"` // an array if it is not text
		UID     string `json:"_UID"`
		Exe     string `json:"_EXE"`
		PID     string `json:"_PID"`
		Time    string `json:"__REALTIME_TIMESTAMP"` // µs since 1970
	}
	if json.Unmarshal(line, &e) != nil {
		return
	}
	text, _ := e.Message.(string)
	head, ok := parseHead(text, w.Dir)
	if !ok {
		return
	}
	// An upgrade replaced the program's file while it ran.
	if exe := strings.TrimSuffix(e.Exe, " (deleted)"); e.UID != w.UID || exe != w.Exe {
		found.LeftOut++
		return
	}
	micro, _ := strconv.ParseInt(e.Time, 10, 64)
	found.Witnessed = append(found.Witnessed, Witnessed{head,
		fmt.Sprintf("the journal of %s (process %s)", time.UnixMicro(micro).Format(time.DateTime), e.PID)})
}
