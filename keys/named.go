package keys

import (
	"encoding/base64"
	"strings"
)

// minFingerprint is how much of a fingerprint is enough to name a key. 20 characters
// are 120 bits: nobody can make another key with the same start.
const minFingerprint = len("SHA256:") + 20

// IsFingerprint reports whether text has the form of a fingerprint: that of ssh-keygen -l.
func IsFingerprint(text string) bool {
	const sum = 32 // bytes of SHA-256
	encoded, ok := strings.CutPrefix(text, "SHA256:")
	decoded, err := base64.RawStdEncoding.DecodeString(encoded)
	return ok && err == nil && len(decoded) == sum && len(encoded) == base64.RawStdEncoding.EncodedLen(sum) // DecodeString skips line ends
}

// IsFingerprintStart reports whether text is a fingerprint, or enough of its start.
func IsFingerprintStart(fingerprint, text string) bool {
	return len(text) >= minFingerprint && strings.HasPrefix(fingerprint, text)
}

// Named returns the items of list that a person means with text: those with this name, or
// else with this fingerprint or its start, or else with this comment. Programs choose
// comments, so that one never hides a name.
func Named[T any](list []T, text string, of func(T) (name, fingerprint, comment string)) []T {
	if text == "" {
		return nil
	}
	var byName, byFingerprint, byComment []T
	for _, item := range list {
		switch name, fingerprint, comment := of(item); {
		case name == text:
			byName = append(byName, item)
		case IsFingerprintStart(fingerprint, text):
			byFingerprint = append(byFingerprint, item)
		case comment == text:
			byComment = append(byComment, item)
		}
	}
	switch {
	case len(byName) > 0:
		return byName
	case len(byFingerprint) > 0:
		return byFingerprint
	}
	return byComment
}
