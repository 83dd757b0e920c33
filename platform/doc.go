// Package platform holds what differs between operating systems: one behaviour,
// one small file per system, an honest default.
package platform
