package keys

// MaxAddedBytes bounds the Size of all keys that one source holds for clients. The
// host keys of destination constraints can be 256 KiB for each key. 2048 usual keys,
// each with a certificate or a dozen host keys, are below 8 MiB.
const MaxAddedBytes = 16 << 20

// Size returns how many bytes the blob, the comment and the destinations take.
func (i *Info) Size() int {
	size := len(i.Blob) + len(i.Comment)
	for _, d := range i.Destinations {
		size += d.From.size() + d.To.size()
	}
	return size
}

func (h *Hop) size() int {
	size := len(h.User) + len(h.Host)
	for _, key := range h.Keys {
		size += len(key.Key.Marshal())
	}
	return size
}
