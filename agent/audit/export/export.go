// Package export writes records of the audit log in the formats that other systems read:
// JSON lines, CSV (RFC 4180), CEF, syslog (RFC 5424) and the journal's export format. No
// text of a record can end an entry or begin another field.
package export

import (
	"fmt"
	"io"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// The formats.
const (
	JSONL    = "jsonl"
	CSV      = "csv"
	CEF      = "cef"
	Syslog   = "syslog"
	Journald = "journald"
)

// Formats are all formats.
var Formats = []string{JSONL, CSV, CEF, Syslog, Journald}

// ExampleEnterprise is the private enterprise number that RFC 5612 keeps for examples.
const ExampleEnterprise = 32473

// Source is what the formats say of where the records come from.
type Source struct {
	Host       string // name of this machine; "" is not known
	Version    string // of keybroker
	BootID     string // of this machine, 32 hexadecimal digits; the journal's format needs one
	Enterprise int    // private enterprise number of the structured data (RFC 5424 section 7.2.2)
}

// Writer writes records in one format.
type Writer struct {
	// Head writes what comes before the first record, if the format has that.
	Head func() error
	// Record writes one record.
	Record func(audit.Record) error
}

// New returns a writer of the format.
func New(format string, out io.Writer, source Source) (Writer, error) {
	source.Host = platform.Escape(source.Host, maxHostname)
	switch format {
	case CSV:
		return newCSV(out), nil
	case JSONL:
		return lines(out, audit.Line), nil
	case CEF:
		return lines(out, source.cef), nil
	case Syslog:
		return lines(out, source.syslog), nil
	case Journald:
		return lines(out, source.journal), nil
	}
	return Writer{}, problem.With(fmt.Errorf("unknown format %q", format), "use one of %v", Formats)
}

// lines is a format of one entry a record, each ended by a newline.
func lines(out io.Writer, entry func(audit.Record) ([]byte, error)) Writer {
	return Writer{
		Head: func() error { return nil },
		Record: func(r audit.Record) error {
			text, err := entry(r)
			if err == nil {
				_, err = out.Write(append(text, '\n'))
			}
			return err
		},
	}
}
