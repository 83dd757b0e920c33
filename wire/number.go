package wire

// Number is a message number (RFC 9987 section 8.1, "Message Type Numbers").
type Number byte

// Requests.
const (
	NumRequestIdentities          Number = 11
	NumSignRequest                Number = 13
	NumAddIdentity                Number = 17
	NumRemoveIdentity             Number = 18
	NumRemoveAllIdentities        Number = 19
	NumAddSmartcardKey            Number = 20
	NumRemoveSmartcardKey         Number = 21
	NumLock                       Number = 22
	NumUnlock                     Number = 23
	NumAddIDConstrained           Number = 25
	NumAddSmartcardKeyConstrained Number = 26
	NumExtension                  Number = 27
)

// Replies.
const (
	NumFailure           Number = 5
	NumSuccess           Number = 6
	NumIdentitiesAnswer  Number = 12
	NumSignResponse      Number = 14
	NumExtensionFailure  Number = 28
	NumExtensionResponse Number = 29
)

// SignatureFlags of a sign request (RFC 9987 section 8.3).
type SignatureFlags uint32

// The defined flags; 1 is reserved and must not be used.
const (
	FlagRSASHA2_256 SignatureFlags = 2
	FlagRSASHA2_512 SignatureFlags = 4
)
