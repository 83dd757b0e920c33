package keys

import (
	"strings"
	"time"
)

// ShortDuration writes 15m0s as 15m and 8h0m0s as 8h, as people do.
func ShortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
