package pivtest

import "time"

// touchTimeout is how long a YubiKey waits for a touch.
const touchTimeout = 15 * time.Second

// touchCache is how long a touch counts for policy "cached".
const touchCache = 15 * time.Second

// Touch touches the card. It tells whether the card was waiting for that.
func (c *Card) Touch() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.touch == nil {
		return false
	}
	close(c.touch)
	c.touch = nil
	return true
}

// WaitsForTouch tells whether a touch would do something now.
func (c *Card) WaitsForTouch() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.touch != nil
}

// waitForTouch returns 9000 after a touch, or at once if the policy asks for
// none. mu is held, but not while it waits.
func (c *Card) waitForTouch(policy byte) int {
	if policy < TouchAlways || policy == TouchCached && time.Since(c.touched) < touchCache {
		return swOK
	}
	touch, gone, timeout := make(chan struct{}), c.gone, c.knobs.touchTimeout
	c.touch = touch
	c.mu.Unlock()
	sw := swNotAllowed
	select {
	case <-touch:
		sw = swOK
	case <-gone:
	case <-time.After(timeout):
	}
	c.mu.Lock()
	c.touch = nil
	if sw == swOK {
		c.touched = time.Now()
	}
	return sw
}
