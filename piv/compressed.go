package piv

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
)

// maxCertificate bounds a certificate after decompression. The standard allows
// 1,856 bytes; real ones with an RSA-4096 key and many names stay under 4 KiB.
const maxCertificate = 16 << 10

// netID begins a certificate that the program Net iD wrote: 01 00, the length of
// the certificate in two bytes, then zlib.
var netID = []byte{0x01, 0x00}

const netIDHeader = 4

// uncompressed unpacks a compressed certificate and returns any other one
// unchanged. Cards disagree on the compression bit of CertInfo (71) and on the
// format, so the first bytes decide, as in OpenSC. No DER certificate begins with
// any of them.
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

// isZlib recognizes the header of RFC 1950 section 2.2: deflate, and a check that
// makes the two bytes a multiple of 31.
func isZlib(data []byte) bool {
	return len(data) > 1 && data[0]&0x0F == 8 && (int(data[0])<<8|int(data[1]))%31 == 0
}

// gunzip reads only one member: cards pad the data after it.
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
