package piv

import "fmt"

// The remedies for refusals.
const (
	remedyTouch    = "try again and touch the card while it blinks"
	remedyContents = "see what the card holds: keybroker card info"
	remedyAgain    = "remove the card, insert it again and try again"
	remedyFirmware = "older cards and cards of other makers have fewer commands: keybroker card info"
	remedyReader   = "try another reader, and tell us: this card does not work with this reader"
)

// statusWords holds the message and the remedy for each status word. It is the only
// place that does.
var statusWords = map[Status]struct{ text, remedy string }{
	StatusNotTouched:           {"the card was not touched in time", remedyTouch},
	StatusWrongLength:          {"the card does not accept a command of this length", remedyReader},
	StatusNoSecureMessaging:    {"the card does not accept encrypted commands", remedyReader},
	StatusLastCommandExpected:  {"the card lost part of a long command", remedyAgain},
	StatusNoChaining:           {"the card does not accept long commands", remedyReader},
	StatusSecurityNotSatisfied: {"the card needs its PIN or a touch first", "try again, type the PIN, and touch the card while it blinks"},
	StatusBlocked:              {"the PIN is blocked", "unblock it with the PUK: keybroker card pin unblock"},
	StatusConditionsOfUse:      {"the card does not allow this now; a touch may be missing", remedyTouch},
	StatusNotAllowed:           {"the card does not allow this now; a PIN or a touch may be missing", remedyTouch},
	StatusBusy:                 {"the card is busy with another program", "wait a moment and try again; end other programs that use the card"},
	StatusIncorrectData:        {"the card does not accept the data that it was sent", "it may have its own rules for keys and PINs: see its maker's manual"},
	StatusNotSupported:         {"the card cannot do this", "try a key in another slot: keybroker card list"},
	StatusNotFound:             {"the card does not hold this", remedyContents},
	StatusNoMemory:             {"the card's memory is full", "remove a certificate that is not needed, or use a smaller one"},
	StatusIncorrectP1P2:        {"the card has no such slot, or no such key in it", remedyContents},
	StatusReferenceNotFound:    {"the card holds no such key or PIN", remedyContents},
	StatusWrongP1P2:            {"the card has no such slot, or no such key in it", remedyContents},
	StatusNoInstruction:        {"the card does not have this command", remedyFirmware},
	StatusNoClass:              {"the card does not have this kind of command", remedyFirmware},
	StatusNoDiagnosis:          {"the card failed without giving a reason", remedyAgain},
	statusMemory:               {"the card could not write to its memory", "try again; if this repeats, the card is worn out"},
}

// Error is a message for a person. It shows the status word only if it is unknown.
func (s Status) Error() string {
	if words, ok := statusWords[s]; ok {
		return words.text
	}
	if tries, ok := s.tries(); ok {
		return fmt.Sprintf("wrong PIN or PUK, %d tries left", tries)
	}
	return fmt.Sprintf("the card refuses with the unknown status word %04X", uint16(s))
}

func (s Status) remedy() string {
	if words, ok := statusWords[s]; ok {
		return words.remedy
	}
	return remedyAgain
}
