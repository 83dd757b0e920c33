package inventory

import (
	"bytes"
	"encoding/base64"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/cryptobyte"
)

// Of a private key on a server, no more is read than its public half: the private one
// must not travel, nor come into this process.

// headSize is what is read first. It is enough to see the format, whether there is a
// passphrase, and how long the public half is; the private half begins later in every
// format and for every type of key.
const headSize = 160

const opensshBegin = "-----BEGIN OPENSSH PRIVATE KEY-----\n"

// readHead recognises a private key file by its first bytes. If more of them would show
// the public half, need is how many.
func readHead(head []byte) (file keyFile, need int, ok bool) {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	line = bytes.TrimRight(line, "\r ")
	file = keyFile{private: true, format: "PEM", clear: true}
	switch {
	case bytes.HasPrefix(head, []byte(opensshBegin)):
		return readOpenSSHHead(head)
	case bytes.HasPrefix(head, []byte("PuTTY-User-Key-File-")):
		file.format, file.clear = "PuTTY", bytes.Contains(head, []byte("\nEncryption: none"))
	case bytes.HasPrefix(head, []byte("SSH PRIVATE KEY FILE FORMAT 1.1")):
		file.format, file.clear = "SSH-1", false
	case bytes.Equal(line, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----")):
		file.format, file.clear = "PKCS#8", false
	case bytes.Equal(line, []byte("-----BEGIN PRIVATE KEY-----")):
		file.format = "PKCS#8"
	case bytes.HasPrefix(line, []byte("-----BEGIN ")) && bytes.HasSuffix(line, []byte(" PRIVATE KEY-----")):
		file.clear = !bytes.Contains(head, []byte("ENCRYPTED"))
	default:
		return keyFile{}, 0, false
	}
	return file, 0, true
}

// readOpenSSHHead reads OpenSSH's format (PROTOCOL.key) as far as the public half.
func readOpenSSHHead(head []byte) (file keyFile, need int, ok bool) {
	text := bytes.ReplaceAll(head[len(opensshBegin):], []byte("\n"), nil)
	text = text[:len(text)/4*4]
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, _ := base64.StdEncoding.Decode(decoded, text) // what follows the key ends it
	defer clear(decoded)
	rest, found := bytes.CutPrefix(decoded[:n], []byte("openssh-key-v1\x00"))
	s := cryptobyte.String(rest)
	var cipher, kdf, options, public cryptobyte.String
	var keys, size uint32
	if !found || !readString(&s, &cipher) || !readString(&s, &kdf) || !readString(&s, &options) || !s.ReadUint32(&keys) || !s.ReadUint32(&size) {
		return keyFile{}, 0, false
	}
	file = keyFile{private: true, format: "OpenSSH", clear: string(cipher) == "none"}
	if size > maxKeyFile {
		return file, 0, true
	}
	if !s.ReadBytes((*[]byte)(&public), int(size)) {
		return file, encodedSize(n - len(s) + int(size)), true
	}
	file.public, _ = publickey.Parse(bytes.Clone(public))
	return file, 0, true
}

func readString(s, out *cryptobyte.String) bool {
	var size uint32
	return s.ReadUint32(&size) && size <= maxKeyFile && s.ReadBytes((*[]byte)(out), int(size))
}

// encodedSize is how many bytes of the file hold the first n bytes of the key: lines of
// 70 characters.
func encodedSize(n int) int {
	const line = 70
	characters := (n + 2) / 3 * 4
	return len(opensshBegin) + characters + characters/line
}
