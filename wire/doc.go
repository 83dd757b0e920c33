// Package wire converts between the bytes of the ssh-agent protocol (RFC 9987) and
// structs. It is pure: its only I/O is on readers and writers, and it has no clock.
package wire
