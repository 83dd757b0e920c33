package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// clockSlack is a difference that no certificate and no log cares for.
const clockSlack = time.Minute

// checkClock holds the clock against the last record of the audit log. A clock that is wrong makes
// certificates expire, or not, and lifetimes end at another time.
func (p *Patient) checkClock() []Check {
	return []Check{clockCheck(time.Now(), lastWritten(p.Config.AuditDir()), platform.ClockSynchronized())}
}

func clockCheck(now, last time.Time, synchronized bool) Check {
	const remedy = "set it, and keep it set: timedatectl set-ntp true"
	switch {
	case last.Sub(now) > clockSlack:
		return broken("clock", fmt.Sprintf("it says %s, and the audit log was written at %s", now.Format(time.DateTime), last.Format(time.DateTime)), remedy)
	case !synchronized:
		return noted("clock", now.Format(time.DateTime)+"; nothing keeps it right, says the system", remedy)
	}
	return fine("clock", now.Format(time.DateTime))
}

// lastWritten is when the audit log was written last; zero if there is none.
func lastWritten(dir string) (last time.Time) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}
