package confine

// older is empty: arm64 has the later forms alone.
var older []uint32
