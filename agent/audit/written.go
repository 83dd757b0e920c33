package audit

// indexed is a record that was written, and the length of its line.
type indexed struct {
	record *Record
	size   int64
}

// written is told what was written, in the order of the chain. io is held.
func (l *Log) written(records []indexed) {
	l.scheduleFlush()
}
