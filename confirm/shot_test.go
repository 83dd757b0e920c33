package confirm

import (
	"github.com/keybroker/keybroker/agent/keys"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestShot(t *testing.T) {
	d := newDesktop(t)
	for _, name := range []string{"pinentry-qt", "pinentry-gtk-2"} {
		for i, q := range []Question{login(t), hostile(t)} {
			p := &pinentry{path: needs(t, name), env: d.env}
			d.asked(t, p, q, func(c func(), w string) {
				time.Sleep(300 * time.Millisecond)
				cmd := exec.Command("import", "-window", "root", "/tmp/confirmlab/"+name+string(rune('0'+i))+".png")
				cmd.Env = append(os.Environ(), "DISPLAY="+d.display)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Log(string(out), err)
				}
				c()
			})
		}
	}
}
func hostile(t *testing.T) Question {
	q := login(t)
	u := q.Use
	big := strings.Repeat("<b>A [verified] \u202e\x1b[31m%n ", 400)
	u.Peer.Name = big
	u.Peer.Args = []string{big, big}
	u.Peer.Terminal = big
	u.Key.Comment = big
	u.Key.Name = big
	for i := range u.Peer.Parents {
		u.Peer.Parents[i].Name = big
	}
	u.Purpose.User = big
	u.Destination = keys.Destination{Trust: keys.TrustClaimed, Claimed: "github.com [verified]" + big, Forwarded: true, Why: big, Hops: []keys.Host{{Fingerprint: big, Names: []string{big, big, big, big}}, {Fingerprint: big}}}
	q.Why = big
	return q
}
