package agent

import "testing"

// A file whose reading failed is read again, although neither its size nor its time has
// changed. Reading the first page of a process's memory fails (proc(5)).
func TestKnownHostsAreReadAgainAfterAnError(t *testing.T) {
	const path = "/proc/self/mem"
	hosts := NewKnownHosts(path)
	first := hosts.read(path)
	if !first.incomplete {
		t.Fatal("there is no error to try this with")
	}
	if hosts.read(path) == first {
		t.Error("what could not be read is kept")
	}
}
