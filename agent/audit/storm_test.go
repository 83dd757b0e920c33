package audit

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
)

// stormVariable makes the test binary a writer that never stops.
const stormVariable = "KEYBROKER_AUDIT_TEST_STORM"

// storm prints the number of every record after Append returned: then a daemon would
// deliver the signature.
func storm(dir string) {
	l, err := Open(Config{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				r, err := l.Append(FromUse(testUse()))
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(r.Seq)
			}
		})
	}
	group.Wait()
}

// Whatever was delivered before kill -9 is in the log.
func TestKilledInAStorm(t *testing.T) {
	dir := t.TempDir()
	printed := uint64(0)
	for range 5 {
		last := killedStorm(t, dir)
		if last <= printed {
			t.Fatalf("the writer went on at %d after %d", last, printed)
		}
		printed = last
		l := open(t, dir, november())
		if head := l.Head(); head.Seq < printed {
			t.Fatalf("record %d was delivered, but the log ends at %d", printed, head.Seq)
		}
		l.Close()
	}
	report := mustVerify(t, dir)
	if report.Bad != nil || report.Records < printed {
		t.Errorf("report %+v; %d were delivered", report, printed)
	}
}

// killedStorm returns the highest number that the writer printed.
func killedStorm(t *testing.T, dir string) uint64 {
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), stormVariable+"="+dir)
	writer.Stderr = os.Stderr
	pipe, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	last, stop := uint64(0), 20+rand.IntN(400)
	lines := bufio.NewScanner(pipe)
	for n := 0; lines.Scan(); n++ {
		seq, err := strconv.ParseUint(lines.Text(), 10, 64)
		if err != nil { // the very last line may be cut
			break
		}
		last = max(last, seq)
		if n == stop {
			writer.Process.Kill()
		}
	}
	writer.Wait()
	return last
}
