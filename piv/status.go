package piv

import "errors"

// Status is a status word other than 9000, as an error. Compare it with
// errors.Is(err, StatusNotFound).
type Status uint16

// Status words of SP 800-73-4 part 2 section 3 and of ISO 7816-4 section 5.6.
const (
	statusOK Status = 0x9000

	StatusNotTouched           Status = 0x6600 // of some firmware: a security-relevant issue, ISO 7816-4
	StatusWrongLength          Status = 0x6700
	StatusNoSecureMessaging    Status = 0x6882
	StatusLastCommandExpected  Status = 0x6883
	StatusNoChaining           Status = 0x6884
	StatusSecurityNotSatisfied Status = 0x6982
	StatusBlocked              Status = 0x6983
	StatusConditionsOfUse      Status = 0x6985
	StatusNotAllowed           Status = 0x6986
	StatusBusy                 Status = 0x6999 // of JavaCards: the application cannot be selected now
	StatusIncorrectData        Status = 0x6A80
	StatusNotSupported         Status = 0x6A81
	StatusNotFound             Status = 0x6A82
	StatusNoMemory             Status = 0x6A84
	StatusIncorrectP1P2        Status = 0x6A86
	StatusReferenceNotFound    Status = 0x6A88
	StatusWrongP1P2            Status = 0x6B00
	StatusNoInstruction        Status = 0x6D00
	StatusNoClass              Status = 0x6E00
	StatusNoDiagnosis          Status = 0x6F00
	statusMemory               Status = 0x6581
)

func (s Status) sw1() byte { return byte(s >> 8) }
func (s Status) sw2() byte { return byte(s) }

// tries returns the X of 63CX.
func (s Status) tries() (int, bool) { return int(s & 0xF), s&0xFFF0 == 0x63C0 }

// asError returns s, or nil for 9000.
func (s Status) asError() error {
	if s == statusOK {
		return nil
	}
	return s
}

// notOffered reports whether err is a status word with which cards refuse an
// instruction that they do not support.
func notOffered(err error) bool {
	var status Status
	if !errors.As(err, &status) {
		return false
	}
	switch status {
	case StatusNoInstruction, StatusNoClass, StatusNotSupported, StatusIncorrectP1P2, StatusWrongP1P2,
		StatusNotFound, StatusReferenceNotFound, StatusNoSecureMessaging, StatusWrongLength:
		return true
	}
	return false
}

// absent reports whether err means that an object or a key does not exist.
func absent(err error) bool {
	return errors.Is(err, StatusNotFound) || errors.Is(err, StatusReferenceNotFound)
}
