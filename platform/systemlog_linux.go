package platform

import (
	"log/syslog"

	"github.com/coreos/go-systemd/v22/journal"
)

func systemLog(text, id string) (string, error) {
	if journal.Enabled() {
		return "journal", journal.Send(text, journal.PriNotice, map[string]string{"MESSAGE_ID": id, "SYSLOG_IDENTIFIER": "keybroker"})
	}
	writer, err := syslog.New(syslog.LOG_NOTICE|syslog.LOG_AUTH, "keybroker")
	if err != nil {
		return "", err
	}
	defer writer.Close()
	return "syslog", writer.Notice(text)
}
