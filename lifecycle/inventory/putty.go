package inventory

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/keys/publickey"
)

// readPutty reads the public part of PuTTY's format (PuTTY manual, appendix C), which
// comes first and is never encrypted.
func readPutty(content []byte) (keyFile, bool) {
	file := keyFile{private: true, format: "PuTTY"}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "Encryption":
			file.clear = value == "none"
		case "Comment":
			file.comment = value
		case "Public-Lines":
			file.public = nil
			if blob, err := base64.StdEncoding.DecodeString(nextLines(lines, value)); err == nil {
				file.public, _ = publickey.Parse(blob)
			}
			return file, true
		}
	}
	return file, true
}

// nextLines joins as many lines as count says.
func nextLines(lines *bufio.Scanner, count string) string {
	var text strings.Builder
	for left, _ := strconv.ParseUint(count, 10, 16); left > 0 && lines.Scan(); left-- {
		text.WriteString(strings.TrimSpace(lines.Text()))
	}
	return text.String()
}
