// Package platform holds what differs between operating systems: one behaviour, with
// one small file per system and a default that reports what it cannot do.
package platform
