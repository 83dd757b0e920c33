package keys

// MaxAddedBytes bounds what the public facts of all keys take that one source
// holds for clients: blobs, comments, and the hosts' keys of destination
// constraints, which may be 256 KiB for each key. 2048 keys of the usual kinds
// with a certificate each, or with the keys of a dozen hosts, are under 8 MiB.
const MaxAddedBytes = 16 << 20

// Size is how many bytes the facts of a key take.
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
