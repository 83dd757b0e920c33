package piv

import "time"

// system is the part of PC/SC that is used here. It has one implementation
// over the real service (pcsc.go) and one that says that there is none
// (pcsc_none.go); tests put a third in, to break what the real one rarely does.
//
// A pcscContext and what comes from it is used by one goroutine at a time,
// except for cancel. Its errors wrap this package's Err….
type system interface {
	establish() (pcscContext, error)
}

type pcscContext interface {
	// readers lists the readers; none is an empty list and no error.
	readers() ([]string, error)
	// wait returns when a reader is no more as states say, and updates them;
	// after timeout it returns without an error.
	wait(states []readerState, timeout time.Duration) error
	// cancel makes a wait that is going on return.
	cancel()
	connect(reader string) (pcscCard, error)
	release()
}

// pcscCard is a connection to a card, shared with other programs.
type pcscCard interface {
	// begin waits until no other program has a transaction. ErrReset means
	// that another program reset the card: the connection must be made anew.
	begin() error
	end() error
	transmit(command []byte) ([]byte, error)
	t0() bool
	atr() []byte
	// disconnect lets the card go, reset or as it is.
	disconnect(reset bool)
}

// readerState is what is known of one reader.
type readerState struct {
	reader  string
	raw     uint32 // as PC/SC gave it, to be given back
	present bool   // a card is in
	mute    bool   // and does not answer to reset
	inUse   bool   // some program is connected to it, we too
	inserts uint16 // counts insertions and removals, where the service does
	unknown bool   // the reader is gone, or was never there
}

// pnpReader is a reader that does not exist: its state changes when readers
// come and go, in pcsc-lite and on Windows.
const pnpReader = `\\?PnP?\Notification`

// maxReaders bounds the readers that are watched. pcsc-lite has 16 at most, and
// refuses to wait for more than that, the notification included.
const maxReaders = 15
