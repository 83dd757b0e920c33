package piv

import "time"

// system is the part of PC/SC that this package uses. pcsc.go implements it with the
// real service, pcsc_none.go for builds without one, and tests with a fake that
// fails in rare ways.
//
// One goroutine at a time uses a pcscContext and its cards, except for cancel. Its
// errors wrap this package's Err….
type system interface {
	establish() (pcscContext, error)
	// arrival watches the directory where a service that is absent would appear, if
	// the system tells of it.
	arrival() (*arrival, error)
}

type pcscContext interface {
	// readers lists the readers. It returns an empty list, not an error, if there
	// are none.
	readers() ([]string, error)
	// wait returns when a reader differs from states, and updates them. After
	// timeout it returns without an error.
	wait(states []readerState, timeout time.Duration) error
	// cancel makes a running wait return.
	cancel()
	connect(reader string) (pcscCard, error)
	release()
}

// pcscCard is a connection to a card, shared with other programs.
type pcscCard interface {
	// begin waits until no other program has a transaction. ErrReset means that
	// another program reset the card, and a new connection is needed.
	begin() error
	end() error
	transmit(command []byte) ([]byte, error)
	t0() bool
	atr() []byte
	// disconnect releases the card, and resets it if reset is set.
	disconnect(reset bool)
}

// readerState is what is known of one reader.
type readerState struct {
	reader    string
	raw       uint32 // PC/SC's value, for the next wait
	present   bool   // a card is inserted
	mute      bool   // the card does not answer to reset
	inUse     bool   // some program is connected to the card, maybe we
	exclusive bool   // that program keeps all others out
	inserts   uint16 // counts insertions and removals, if the service does
	unknown   bool   // the reader is gone, or was never there
}

// pnpReader is a pseudo-reader: in pcsc-lite and on Windows, its state changes when
// readers come and go.
const pnpReader = `\\?PnP?\Notification`

// maxReaders bounds the watched readers. pcsc-lite can wait for at most 16,
// including pnpReader.
const maxReaders = 15
