package piv

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
)

// maxCertificate bounds a certificate, also one that comes out of a compressed
// one: the standard allows 1,856 bytes, real ones with an RSA-4096 key and many
// names stay under 4 KiB.
const maxCertificate = 16 << 10

// netID begins a certificate as the program Net iD writes it: 01 00, the length
// of the certificate in two bytes, then zlib.
var netID = []byte{0x01, 0x00}

const netIDHeader = 4

// uncompressed unpacks a certificate that was stored compressed, and returns any
// other one as it is. Cards do not agree on the bit of CertInfo (71) that says
// so, nor on the format: the first bytes tell it, as to OpenSC. No DER
// certificate begins with any of them.
func uncompressed(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0x1F, 0x8B}):
		return unpack(gunzip(data))
	case isZlib(data):
		return unpack(zlib.NewReader(bytes.NewReader(data)))
	case bytes.HasPrefix(data, netID) && len(data) > netIDHeader && isZlib(data[netIDHeader:]):
		return unpack(zlib.NewReader(bytes.NewReader(data[netIDHeader:])))
	}
	return data, nil
}

// isZlib knows the header of RFC 1950 section 2.2: deflate, and a check that
// makes the two bytes a multiple of 31.
func isZlib(data []byte) bool {
	return len(data) > 1 && data[0]&0x0F == 8 && (int(data[0])<<8|int(data[1]))%31 == 0
}

// gunzip reads one member: cards pad what is behind it.
func gunzip(data []byte) (io.Reader, error) {
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	reader.Multistream(false)
	return reader, nil
}

func unpack(reader io.Reader, err error) ([]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("the compressed certificate is damaged: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(reader, maxCertificate+1))
	if err != nil {
		return nil, fmt.Errorf("the compressed certificate is damaged: %w", err)
	}
	if len(out) > maxCertificate {
		return nil, fmt.Errorf("certificate of more than %d bytes", maxCertificate)
	}
	return out, nil
}
