// Package admin holds what a card command checks without the card: attestations of a
// YubiKey, and new PINs.
package admin
