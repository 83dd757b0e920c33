package conformance

// Counts are how many results there are of each kind.
type Counts struct {
	Passed, Skipped, Declined                             int
	MustFailed, ShouldFailed, OpenSSHFailed, AdviceFailed int
}

// Failed counts the failures of all levels.
func (c Counts) Failed() int { return c.MustFailed + c.ShouldFailed + c.OpenSSHFailed + c.AdviceFailed }

// Count counts results.
func Count(results []Result) (c Counts) {
	for _, r := range results {
		switch {
		case r.Status == Pass:
			c.Passed++
		case r.Status == Skip:
			c.Skipped++
		case r.Status == Declined:
			c.Declined++
		case r.Level == Must:
			c.MustFailed++
		case r.Level == Should:
			c.ShouldFailed++
		case r.Level == OpenSSH:
			c.OpenSSHFailed++
		default:
			c.AdviceFailed++
		}
	}
	return c
}
