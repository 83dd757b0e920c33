package audit

import "slices"

// lifecycleProgram reads hosts and proves changes on them.
const lifecycleProgram = "keybroker-lifecycle"

// ByInventory reports whether keybroker itself logged in, to see who is let in. That is
// no use of a key: a timer would keep every key alive that it logs in with.
func ByInventory(peer *Peer) bool {
	return peer != nil && slices.Contains(peer.Chain, lifecycleProgram)
}
