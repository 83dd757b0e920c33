package audit

import "time"

// Discard is a Log that keeps no record. It is for the drop-in, which like
// ssh-agent leaves nothing on the disk (decision 0008); the broker never uses it.
func Discard() *Log { return &Log{none: true, now: time.Now} }

// Discards says whether no record is kept.
func (l *Log) Discards() bool { return l.none }
