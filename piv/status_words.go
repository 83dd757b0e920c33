package piv

import "fmt"

// What a person can do about a refusal.
const (
	remedyTouch    = "try again, and touch the card while it blinks"
	remedyContents = "see what the card holds: keybroker card info"
	remedyAgain    = "take the card out, put it in again and try again"
	remedyFirmware = "an older card, or one of another make, has fewer commands: keybroker card info"
	remedyReader   = "try another reader, and tell us: this card and this reader do not go together"
)

// statusWords says what a status word means to a person, and what to do. It is
// the only place that does.
var statusWords = map[Status]struct{ text, remedy string }{
	StatusNotTouched:           {"the card was not touched in time", remedyTouch},
	StatusWrongLength:          {"the card does not take a command of this length", remedyReader},
	StatusNoSecureMessaging:    {"the card does not take encrypted commands", remedyReader},
	StatusLastCommandExpected:  {"the card lost a part of a long command", remedyAgain},
	StatusNoChaining:           {"the card does not take long commands", remedyReader},
	StatusSecurityNotSatisfied: {"the card wants its PIN or a touch first", "try again, give the PIN, and touch the card while it blinks"},
	StatusBlocked:              {"the PIN is blocked", "unblock it with the PUK: keybroker card pin unblock"},
	StatusConditionsOfUse:      {"the card does not allow this now, as without a touch", remedyTouch},
	StatusNotAllowed:           {"the card does not allow this now, as without a PIN or a touch", remedyTouch},
	StatusBusy:                 {"the card is busy with another program", "wait a moment and try again; end other programs that use the card"},
	StatusIncorrectData:        {"the card does not take what it was sent", "it may have rules of its own for keys and PINs: see its maker's manual"},
	StatusNotSupported:         {"the card cannot do this", "try a key in another slot: keybroker card list"},
	StatusNotFound:             {"the card does not hold this", remedyContents},
	StatusNoMemory:             {"the card's memory is full", "remove a certificate that is not needed, or take a smaller one"},
	StatusIncorrectP1P2:        {"the card has no such slot, or no such key in it", remedyContents},
	StatusReferenceNotFound:    {"the card holds no such key or PIN", remedyContents},
	StatusWrongP1P2:            {"the card has no such slot, or no such key in it", remedyContents},
	StatusNoInstruction:        {"the card does not have this command", remedyFirmware},
	StatusNoClass:              {"the card does not have this kind of command", remedyFirmware},
	StatusNoDiagnosis:          {"the card failed and does not say why", remedyAgain},
	statusMemory:               {"the card could not write to its memory", "try again; a card that goes on like this is worn out"},
}

// Error is a sentence for a person. Only a status word that is not known here is
// shown as it is.
func (s Status) Error() string {
	if words, ok := statusWords[s]; ok {
		return words.text
	}
	if tries, ok := s.tries(); ok {
		return fmt.Sprintf("wrong PIN or PUK, %d tries left", tries)
	}
	return fmt.Sprintf("the card refuses for a reason that is not known here (%04X)", uint16(s))
}

func (s Status) remedy() string {
	if words, ok := statusWords[s]; ok {
		return words.remedy
	}
	return remedyAgain
}
