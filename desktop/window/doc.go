// Package window draws a question on an X11 display and waits for the person's
// hand. It decides nothing: what is shown comes from the broker, and what cannot
// be shown whole is not shown at all.
//
// It is for a process of its own (keybroker-desktop prompt), one question each.
package window
