package wire

// Limits on what a client may send. Each is checked before anything of that
// size is kept, so that a length in a message can never choose an allocation.
const (
	// MaxMessage bounds one request, as OpenSSH's agent does. The largest
	// honest request is an added RSA-16384 key with a certificate: under 20 KiB.
	MaxMessage = 256 << 10
	// readChunk is the most that is allocated before its bytes have arrived.
	readChunk = 4 << 10
	// MaxSessionID bounds a session identifier: the longest exchange hash in
	// use is 64 bytes; OpenSSH allows 128.
	MaxSessionID = 128
	// MaxConstraints bounds the constraints of one added key. No constraint
	// may repeat and five kinds are known.
	MaxConstraints = 8
	// MaxDestinations bounds the destination constraints of one added key, and
	// MaxUserPattern the pattern of a user in one. OpenSSH has the same limits.
	MaxDestinations = 1024
	MaxUserPattern  = 256
	// MaxCertificates bounds the certificates that come with a token, as in OpenSSH.
	MaxCertificates = 1024
)
