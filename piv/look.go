package piv

import (
	"cmp"
	"os"
)

// pcscdSocket is pcsc-lite's (pcscd(8)), unless PCSCLITE_CSOCK_NAME names another.
const pcscdSocket = "/run/pcscd/pcscd.comm"

// ReaderUse says whether a reader has a card, and whether programs use it.
type ReaderUse struct {
	Reader    string
	Card      bool
	InUse     bool // some program, maybe this user's broker, is connected to the card
	Exclusive bool // one program keeps all others out
}

// Look asks the smartcard service once which readers it has. It connects to no card. The
// error wraps one of this package's.
func Look() ([]ReaderUse, error) { return lookAt(service{}) }

func lookAt(s system) ([]ReaderUse, error) {
	service, err := s.establish()
	if err != nil {
		return nil, err
	}
	defer service.release()
	names, err := service.readers()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	states := make([]readerState, min(len(names), maxReaders))
	for i := range states {
		states[i].reader = names[i]
	}
	if err := service.wait(states, 0); err != nil {
		return nil, err
	}
	uses := make([]ReaderUse, len(states))
	for i, s := range states {
		uses[i] = ReaderUse{Reader: s.reader, Card: s.present, InUse: s.inUse, Exclusive: s.exclusive}
	}
	return uses, nil
}

// ServiceSocket is where pcsc-lite's clients reach it.
func ServiceSocket() string { return cmp.Or(os.Getenv("PCSCLITE_CSOCK_NAME"), pcscdSocket) }
