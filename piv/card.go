// Package piv reads and uses PIV and CAC smartcards (NIST SP 800-73-4) on the
// system's own PC/SC service, beside other programs: shared mode, and a
// transaction only while an operation runs.
//
//	Readers  watches the readers and says which cards are in
//	Handle   one inserted card; Do runs an operation in its turn
//	Applet   the PIV application on a card: objects, PIN, signatures
//	Token    what a card holds, read once by Describe
//	Card     the seam below all that: one method that transmits an APDU
package piv

import "context"

// Card transmits one command APDU and returns the response with its two status
// bytes. It must return soon after ctx ended, even when the card is still busy,
// and it must not keep command: the caller wipes it.
type Card interface {
	Transmit(ctx context.Context, command []byte) ([]byte, error)
}

// A Card may tell more about itself. What it does not tell is taken as T=1 with
// short APDUs, which every PIV card must understand.
type (
	// protocolTeller says whether T=0 is spoken (ISO 7816-3 section 12).
	protocolTeller interface{ T0() bool }
	// atrTeller gives the answer to reset, which says whether extended
	// length is understood (ISO 7816-4 section 8.1.1.2.7).
	atrTeller interface{ ATR() []byte }
)
