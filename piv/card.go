// Package piv uses PIV and CAC smartcards (NIST SP 800-73-4) through the system's
// PC/SC service. It shares them with other programs: it connects in shared mode
// and holds a transaction only during an operation.
//
//	Readers  watches the readers and reports the cards in them
//	Handle   one inserted card; Do runs one operation at a time
//	Applet   the PIV application on a card: objects, PIN, signatures
//	Token    the contents of a card, as Describe read them
//	Card     the seam below all of them: one method that transmits an APDU
package piv

import "context"

// Card transmits one command APDU and returns the response with its two status
// bytes. It must return soon after ctx ends, even if the card is still busy. It
// must not keep command, which the caller wipes.
type Card interface {
	Transmit(ctx context.Context, command []byte) ([]byte, error)
}

// Optional methods of a Card. Without them it is used with T=1 and short APDUs,
// which every PIV card must support.
type (
	// protocolTeller says whether the card uses T=0 (ISO 7816-3 section 12).
	protocolTeller interface{ T0() bool }
	// atrTeller returns the answer to reset, which says whether the card supports
	// extended length (ISO 7816-4 section 8.1.1.2.7).
	atrTeller interface{ ATR() []byte }
)
