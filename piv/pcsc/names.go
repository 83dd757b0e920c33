//go:build !nopcsc && ((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64)) || darwin)

package pcsc

import "bytes"

// char is a character of a reader's name.
type char = byte

func cString(text string) []char { return append([]byte(text), 0) }

// multiString splits names that each end with a zero.
func multiString(names []char) (list []string) {
	for name := range bytes.SplitSeq(names, []byte{0}) {
		if len(name) == 0 {
			break
		}
		list = append(list, string(name))
	}
	return list
}
