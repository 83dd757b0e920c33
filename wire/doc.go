// Package wire is the ssh-agent protocol (RFC 9987) as bytes and structs. It is
// pure: no I/O but readers and writers, no clock, nothing of ours imported.
package wire
