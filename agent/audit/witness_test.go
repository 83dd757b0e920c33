package audit

import (
	"fmt"
	"strings"
	"testing"
)

func TestReadHeads(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	const dir = "/home/a b\"ü/audit"
	w := Witness{Dir: dir, UID: "1000", Exe: "/usr/bin/keybroker"}
	text := HeadText(Head{Seq: 7, Hash: hash}, dir)
	entry := func(message, uid, exe string) string {
		return fmt.Sprintf(`{"MESSAGE":%q,"_UID":%q,"_EXE":%q,"_PID":"5","__REALTIME_TIMESTAMP":"1795795038614435"}`, message, uid, exe)
	}
	for name, test := range map[string]struct {
		line            string
		counts, leftOut int
		syslog          bool
	}{
		"the broker's":             {entry(text, "1000", "/usr/bin/keybroker"), 1, 0, false},
		"before an upgrade":        {entry(text, "1000", "/usr/bin/keybroker (deleted)"), 1, 0, false},
		"another user's":           {entry(text, "1001", "/usr/bin/keybroker"), 0, 1, false},
		"another program's":        {entry(text, "1000", "/usr/bin/logger"), 0, 1, false},
		"claimed by the client":    {`{"UID":"1000","EXE":"/usr/bin/keybroker",` + entry(text, "1000", "/usr/bin/logger")[1:], 0, 1, false},
		"of another log":           {entry(HeadText(Head{Seq: 7, Hash: hash}, "/other"), "1000", "/usr/bin/keybroker"), 0, 0, false},
		"no head":                  {entry("audit head: record 7", "1000", "/usr/bin/keybroker"), 0, 0, false},
		"no text":                  {`{"MESSAGE":[1,2],"_UID":"1000","_EXE":"/usr/bin/keybroker"}`, 0, 0, false},
		"a number out of bounds":   {entry(strings.Replace(text, " 7 ", " 99999999999999999999 ", 1), "1000", "/usr/bin/keybroker"), 0, 0, false},
		"no JSON":                  {"{", 0, 0, false},
		"a line of syslog":         {"Nov 27 15:04:05 box keybroker[5]: " + text, 1, 0, true},
		"another line of syslog":   {"Nov 27 15:04:05 box sshd[5]: Accepted", 0, 0, false},
		"a line and more after it": {"Nov 27 15:04:05 box keybroker[5]: " + text + " x", 0, 0, false},
	} {
		got, err := w.ReadHeads(strings.NewReader(test.line + "\n"))
		if err != nil || len(got.Witnessed) != test.counts || got.LeftOut != test.leftOut || got.Syslog != test.syslog {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if len(got.Witnessed) == 1 && got.Witnessed[0].Head != (Head{Seq: 7, Hash: hash}) {
			t.Errorf("%s: %+v", name, got.Witnessed[0])
		}
	}
	if _, err := w.ReadHeads(strings.NewReader(strings.Repeat("x", maxJournalLine+1))); err == nil {
		t.Error("a line without an end is read")
	}
}
