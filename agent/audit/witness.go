package audit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// HeadID is the MESSAGE_ID of heads in the journal (systemd.journal-fields(7)).
const HeadID = "5d0f3a2c7be94c6f8f1d9a64c2e7b813"

// maxJournalLine bounds one line of a journal: its fields are at most 64 KiB each
// as journalctl prints them, and a head has a dozen short ones.
const maxJournalLine = 1 << 20

// HeadText is how a head is told to the system's log: which record of which log.
func HeadText(h Head, dir string) string {
	return fmt.Sprintf("audit head: record %d %s of %s", h.Seq, h.Hash, strconv.QuoteToASCII(dir))
}

var headText = regexp.MustCompile(`audit head: record (\d{1,20}) ([0-9a-f]{64}) of ("(?:[^"\\]|\\.)*")$`)

// parseHead reads what HeadText wrote, at the end of a line.
func parseHead(text, dir string) (Head, bool) {
	m := headText.FindStringSubmatch(text)
	if m == nil {
		return Head{}, false
	}
	seq, err := strconv.ParseUint(m[1], 10, 64)
	of, badDir := strconv.Unquote(m[3])
	return Head{Seq: seq, Hash: m[2]}, err == nil && badDir == nil && of == dir
}

// Witness says whose heads in the system's log count.
type Witness struct {
	Dir string // of the log
	UID string // decimal, of the user whose broker wrote them
	Exe string // the broker's program, by its real path
}

// Heads are the heads of one log that were found in the system's.
type Heads struct {
	Witnessed []Witnessed
	LeftOut   int  // told by another user or program: nobody knows whether they are true
	Syslog    bool // there are lines of syslog, which any program can write
}

// ReadHeads reads the output of `journalctl -o json`, or lines of a syslog file.
// Of the journal only those entries count whose user and program the journal
// itself has noted (fields that begin with "_" cannot be sent by a client). A line
// of syslog has no such proof.
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
	return found, wrap(lines.Err())
}

// entry reads one entry of the journal.
func (w Witness) entry(line []byte, found *Heads) {
	var e struct {
		Message any    `json:"MESSAGE"` // an array when it is no text
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
	// The program's file was replaced by an upgrade while it ran.
	if exe := strings.TrimSuffix(e.Exe, " (deleted)"); e.UID != w.UID || exe != w.Exe {
		found.LeftOut++
		return
	}
	micro, _ := strconv.ParseInt(e.Time, 10, 64)
	found.Witnessed = append(found.Witnessed, Witnessed{head,
		fmt.Sprintf("the journal of %s (process %s)", time.UnixMicro(micro).Format(time.DateTime), e.PID)})
}
