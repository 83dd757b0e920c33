package inventory

import (
	"bytes"
	"encoding/pem"
	"strings"

	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// maxKeyFile bounds what is read of a file that may hold a key. The largest, RSA keys of
// 16384 bits in PEM, are below 16 KiB; certificates with many principals below 64 KiB.
const maxKeyFile = 64 << 10

// keyFile is what a file says about a key. It holds no private half.
type keyFile struct {
	private bool
	format  string        // of a private key, as in lifecycle.Copy
	clear   bool          // no passphrase
	public  ssh.PublicKey // nil: only the passphrase would show it
	comment string
}

// readKeyFile recognises a key file by its content; ok is false for other files. It
// looks for no more of a private key than its public half.
func readKeyFile(content []byte) (file keyFile, ok bool) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	switch {
	case bytes.HasPrefix(content, []byte("PuTTY-User-Key-File-")):
		return readPutty(content)
	case bytes.HasPrefix(content, []byte("SSH PRIVATE KEY FILE FORMAT 1.1\n")):
		return keyFile{private: true, format: "SSH-1"}, true
	case bytes.Contains(content, []byte("PRIVATE KEY-----")):
		return readPEM(content)
	}
	public, comment, err := pubformat.Parse(content)
	return keyFile{public: public, comment: comment}, err == nil
}

func readPEM(content []byte) (keyFile, bool) {
	block, _ := pem.Decode(content)
	if block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return keyFile{}, false
	}
	defer clear(block.Bytes)
	file := keyFile{private: true, format: "PEM", clear: true}
	switch block.Type {
	case "OPENSSH PRIVATE KEY":
		return readOpenSSH(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return keyFile{private: true, format: "PKCS#8"}, true
	case "PRIVATE KEY":
		file.format, file.public = "PKCS#8", publicOfPKCS8(block.Bytes)
	case "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY":
		if strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") { // RFC 1421
			file.clear = false
			break
		}
		file.public = publicOfPEM(block.Type, block.Bytes)
	default:
		return keyFile{}, false
	}
	return file, true
}

// readOpenSSH reads the head of OpenSSH's format (PROTOCOL.key), which is never encrypted.
func readOpenSSH(block []byte) (keyFile, bool) {
	var head struct {
		Cipher, KDF, KDFOptions string
		Keys                    uint32
		Public                  []byte
		Rest                    []byte `ssh:"rest"`
	}
	rest, found := bytes.CutPrefix(block, []byte("openssh-key-v1\x00"))
	if !found || ssh.Unmarshal(rest, &head) != nil {
		return keyFile{}, false
	}
	public, _ := publickey.Parse(bytes.Clone(head.Public))
	return keyFile{private: true, format: "OpenSSH", clear: head.Cipher == "none", public: public}, true
}
