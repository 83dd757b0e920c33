package platform

import "math"

// MaxOpenFiles is how many descriptors this process may have: Windows sets no limit.
func MaxOpenFiles() int { return math.MaxInt32 }
