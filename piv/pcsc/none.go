//go:build nopcsc || !((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64)) || ((darwin || windows) && (amd64 || arm64)))

package pcsc

// Compiled reports whether this program can talk to cards at all.
const Compiled = false
