// Package service makes the system start the broker and point SSH_AUTH_SOCK at it, and
// takes that back.
//
// An installation is a list of Changes: files, links, marked blocks in files of the
// person, and values of the Windows registry. Wanted computes what they should be, Plan
// compares that with what is there and with the manifest of the last installation, and
// Apply carries out the difference. The manifest says what was written, so that an
// uninstallation undoes that and nothing else.
//
// What is wanted on each system is computed without asking which system this is, so that
// tests can check the files of all of them.
package service
