package wire

// Limits on what a client may send. Each is checked before memory is allocated, so
// that a length in a message never decides the size of an allocation.
const (
	// MaxMessage bounds one request, as OpenSSH's agent does. The largest
	// honest request is an added RSA-16384 key with a certificate: under 20 KiB.
	MaxMessage = 256 << 10
	// readChunk is the most memory that is allocated before its bytes arrive.
	readChunk = 4 << 10
	// MaxSessionID bounds a session identifier: the longest exchange hash in
	// use is 64 bytes; OpenSSH allows 128.
	MaxSessionID = 128
	// MaxConstraints bounds the constraints of one added key. Five kinds are known,
	// and none may be repeated.
	MaxConstraints = 8
	// MaxDestinations bounds the destination constraints of one added key, and
	// MaxUserPattern the user pattern in one. OpenSSH has the same limits.
	MaxDestinations = 1024
	MaxUserPattern  = 256
	// MaxCertificates bounds the certificates of a token, as in OpenSSH.
	MaxCertificates = 1024
)
