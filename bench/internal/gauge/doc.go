// Package gauge is what the benchmarks share: a client that costs little, the
// programs that are measured, and how figures are judged and written.
package gauge
