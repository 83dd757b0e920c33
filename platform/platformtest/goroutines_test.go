package platformtest

import "testing"

func TestGoroutines(t *testing.T) {
	before, end := Goroutines(), make(chan struct{})
	done := make(chan struct{})
	go func() { <-end; close(done) }()
	if n := Goroutines(); n != before+1 {
		t.Errorf("%d goroutines, want %d", n, before+1)
	}
	close(end)
	<-done
}
