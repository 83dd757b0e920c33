// Package gauge is shared by the benchmarks: a client with little overhead, the measured
// programs, and the evaluation and output of figures.
package gauge
