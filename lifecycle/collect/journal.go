package collect

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
)

const (
	// maxEntry bounds one entry of the journal; sshd's are some hundred bytes.
	maxEntry = 1 << 20
	// maxUses bounds the different uses of one run: a flood must not fill the memory.
	maxUses = 1_000_000
	// suppressed is the message with which journald says that it left out messages.
	suppressed = "a596d6fe7bfa4994828e72309e95d61e"
)

// accepted is what sshd logs at LogLevel INFO. The end is fixed, so that no name in a
// certificate can look like a fingerprint.
var accepted = regexp.MustCompile(`^Accepted publickey for (.+) from (\S+) port \d+ ssh2: \S+ (SHA256:[A-Za-z0-9+/]{43})$`)

// ofServer is the end of "Suppressed 12 messages from ssh.service".
var ofServer = regexp.MustCompile(` from sshd?[.@]`)

// entry is what matters of an entry of the journal. Names that begin with _ are
// written by journald itself: no other program can forge them.
type entry struct {
	Time    string          `json:"__REALTIME_TIMESTAMP"` // microseconds since 1970
	Message json.RawMessage `json:"MESSAGE"`              // a string, or bytes if it is not text
	ID      string          `json:"MESSAGE_ID"`
	Trusted string          `json:"_TRANSPORT"`
}

func (e entry) at() time.Time {
	micros, _ := strconv.ParseInt(e.Time, 10, 64)
	return time.UnixMicro(micros).UTC()
}

// readJournal reads who was let in by which key, since the last run or the beginning of
// the journal, and notes that stretch as watched.
func (c *collecting) readJournal() error {
	if !c.logs {
		c.unseen("", "log", "sshd does not log who was let in, or not by SHA256", "LogLevel VERBOSE and FingerprintHash sha256 in sshd_config, for all accounts")
		return nil
	}
	since, err := c.oldest()
	if err != nil {
		c.unseen("", "log", "the journal cannot be read: "+platform.Text(err), "")
		return nil
	}
	if c.Since != nil {
		before, err := c.Since(c.host)
		if err != nil {
			return err
		}
		if before.After(since) {
			since = before
		}
	}
	log := journal{host: c.host, uses: map[use]*lifecycle.Sighting{}, since: since}
	// Only what root's sshd wrote itself: every user may log under its name.
	matches := []string{"_UID=0", "_COMM=sshd", "+", "_UID=0", "_COMM=sshd-session", "+", "MESSAGE_ID=" + suppressed}
	err = c.journal(append([]string{fmt.Sprintf("--since=@%d", since.Unix())}, matches...), log.add)
	if err != nil {
		c.unseen("", "log", "the journal cannot be read: "+platform.Text(err), "")
		return nil
	}
	c.Sightings, c.Watches = log.result(c.Taken)
	return nil
}

// oldest is the time of the first entry: what was before is rotated away.
func (c *collecting) oldest() (first time.Time, err error) {
	err = c.journal(nil, func(e entry) bool { first = e.at(); return false })
	if err == nil && first.IsZero() {
		err = fmt.Errorf("it is empty")
	}
	return first, err
}

// journal calls do for the entries that match, oldest first, until it returns false.
func (c *collecting) journal(args []string, do func(entry) bool) error {
	ctx, stop := context.WithCancel(c.ctx)
	defer stop()
	args = append(slices.Clone(c.Journal[1:]), append([]string{"--system", "--output=json", "--output-fields=MESSAGE,MESSAGE_ID,_TRANSPORT", "--no-pager", "--quiet"}, args...)...)
	cmd := platform.Command(ctx, c.Journal[0], args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxEntry)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			stop()
			_ = cmd.Wait()
			return fmt.Errorf("journalctl wrote something else than JSON: %w", err)
		}
		if !do(e) {
			stop()
			_ = cmd.Wait() // stopped by us
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		stop()
		_ = cmd.Wait()
		return err
	}
	return cmd.Wait()
}

// use is what is counted together, in one day.
type use struct{ fingerprint, account, from, day string }

// journal is what the entries show.
type journal struct {
	host  lifecycle.Host
	uses  map[use]*lifecycle.Sighting
	since time.Time   // of what was read
	gaps  []time.Time // when messages were left out
}

func (j *journal) add(e entry) bool {
	var message string
	if json.Unmarshal(e.Message, &message) != nil {
		return true
	}
	if e.ID == suppressed {
		if e.Trusted == "driver" && ofServer.MatchString(message) { // of journald itself
			j.gaps = append(j.gaps, e.at())
		}
		return true
	}
	if found := accepted.FindStringSubmatch(message); found != nil {
		j.use(use{found[3], found[1], found[2], e.at().Format(time.DateOnly)}, e.at())
	}
	return len(j.uses) < maxUses
}

func (j *journal) use(use use, at time.Time) {
	seen := j.uses[use]
	if seen == nil {
		seen = &lifecycle.Sighting{Source: lifecycle.FromServer, Fingerprint: use.fingerprint, Host: j.host, Account: use.account, From: use.from, First: at}
		j.uses[use] = seen
	}
	seen.Last = at
	seen.Count++
}

// result is the uses, and the watched stretches until now. Where messages were left
// out, a watch ends: nobody knows for how long, but not after that message.
func (j *journal) result(now time.Time) (sightings []lifecycle.Sighting, watches []lifecycle.Watch) {
	for _, seen := range j.uses {
		sightings = append(sightings, *seen)
	}
	since := j.since
	for _, gap := range j.gaps {
		if gap.After(since) {
			watches = append(watches, lifecycle.Watch{Source: lifecycle.FromServer, Host: j.host, Since: since, Until: gap.Add(-time.Millisecond)})
			since = gap
		}
	}
	if len(j.uses) >= maxUses {
		return sightings, watches
	}
	return sightings, append(watches, lifecycle.Watch{Source: lifecycle.FromServer, Host: j.host, Since: since, Until: now})
}
