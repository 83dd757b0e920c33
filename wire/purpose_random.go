package wire

import (
	"bytes"
	"slices"
)

// Data without a form. What looks random says nothing that could be read as a
// message of another kind: those begin with a length, a magic word or ASN.1.
const (
	// testSize is what "ssh-add -T" has signed (ssh-add.c, test_key).
	testSize = 1024
	// Of 1024 random bytes 251 values differ, give or take 2, and each comes
	// about four times. Text, ASN.1 and SSH messages are far from both.
	minTestValues  = 232
	maxTestRepeats = 20

	// challengeSize is what pam_rssh has signed. So few bytes show no more than
	// that they are no message of SSH: it might be a digest of anything.
	challengeSize      = 32
	minChallengeValues = 16 // of 30, give or take 1
)

func parseTest(data, _ []byte) (Purpose, bool) {
	values, most := spread(data)
	if len(data) != testSize || hasForm(data) || values < minTestValues || most > maxTestRepeats {
		return Purpose{}, false
	}
	return Purpose{Kind: KindTest}, true
}

func parseChallenge(data, _ []byte) (Purpose, bool) {
	if values, _ := spread(data); len(data) != challengeSize || hasForm(data) || values < minChallengeValues {
		return Purpose{}, false
	}
	return Purpose{Kind: KindChallenge}, true
}

// spread counts the values that occur, and how often the commonest does.
func spread(data []byte) (values, most int) {
	var counts [256]int
	for _, b := range data {
		if counts[b]++; counts[b] == 1 {
			values++
		}
		most = max(most, counts[b])
	}
	return values, most
}

// hasForm says whether data begins as a message does: with the length of an SSH
// string below 64 KiB, a magic word, the head of an ASN.1 sequence, or text. Of
// random data one in 65,000 does, and is asked about.
func hasForm(data []byte) bool {
	head := data[:min(len(data), textSize)]
	return bytes.HasPrefix(head, []byte{0, 0}) || bytes.HasPrefix(head, []byte(sshsigMagic)) ||
		isSequence(data) || !slices.ContainsFunc(head, func(b byte) bool { return b < ' ' || b > '~' })
}

// textSize is how many printable bytes at the front are text.
const textSize = 16

// isSequence knows the two heads that data of these sizes can have (X.690 section 8.1.3).
func isSequence(data []byte) bool {
	n := len(data)
	return bytes.HasPrefix(data, []byte{0x30, byte(n - 2)}) || bytes.HasPrefix(data, []byte{0x30, 0x82, byte((n - 4) >> 8), byte(n - 4)})
}
