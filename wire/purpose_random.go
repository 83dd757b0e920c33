package wire

import (
	"bytes"
	"slices"
)

// Random data. Data that looks random cannot be a message of another kind: those
// begin with a length, a magic word or ASN.1.
const (
	// testSize is the size of the data of "ssh-add -T" (ssh-add.c, test_key).
	testSize = 1024
	// 1024 random bytes have 251 different values, give or take 2, each about four
	// times. Text, ASN.1 and SSH messages are far from both numbers.
	minTestValues  = 232
	maxTestRepeats = 20

	// challengeSize is the size of a challenge of pam_rssh. So few bytes prove only
	// that they are not an SSH message: they might be a digest of anything.
	challengeSize      = 32
	minChallengeValues = 16 // 32 random bytes have 30, give or take 1
)

func parseTest(data, _ []byte) (Purpose, bool) {
	values, most := countValues(data)
	if len(data) != testSize || looksStructured(data) || values < minTestValues || most > maxTestRepeats {
		return Purpose{}, false
	}
	return Purpose{Kind: KindTest}, true
}

func parseChallenge(data, _ []byte) (Purpose, bool) {
	if values, _ := countValues(data); len(data) != challengeSize || looksStructured(data) || values < minChallengeValues {
		return Purpose{}, false
	}
	return Purpose{Kind: KindChallenge}, true
}

// countValues returns how many different bytes occur, and how often the most
// frequent one does.
func countValues(data []byte) (values, most int) {
	var counts [256]int
	for _, b := range data {
		if counts[b]++; counts[b] == 1 {
			values++
		}
		most = max(most, counts[b])
	}
	return values, most
}

// looksStructured reports whether data begins like a message: with the length of an
// SSH string below 64 KiB, a magic word, the head of an ASN.1 sequence, or text. One
// in 65,000 random challenges does, and then counts as unknown.
func looksStructured(data []byte) bool {
	head := data[:min(len(data), textSize)]
	return bytes.HasPrefix(head, []byte{0, 0}) || bytes.HasPrefix(head, []byte(sshsigMagic)) ||
		isSequence(data) || !slices.ContainsFunc(head, func(b byte) bool { return b < ' ' || b > '~' })
}

// textSize is how many printable bytes at the front count as text.
const textSize = 16

// isSequence checks for the two heads that a sequence of these sizes can have (X.690
// section 8.1.3).
func isSequence(data []byte) bool {
	n := len(data)
	return bytes.HasPrefix(data, []byte{0x30, byte(n - 2)}) || bytes.HasPrefix(data, []byte{0x30, 0x82, byte((n - 4) >> 8), byte(n - 4)})
}
