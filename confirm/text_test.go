package confirm_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

func textOf(q confirm.Question) string {
	title, lines := confirm.Text(q)
	text := title
	for _, line := range lines {
		text += "\n" + line.String()
	}
	return text
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*keys.Use)
		has    []string
		lacks  []string
	}{
		{"verified login", func(*keys.Use) {},
			[]string{"Log in to github.com?", `log in as "git"`, "Where: [verified] github.com, 140.82.121.4",
				"proved its key SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", "Who: ssh ← git ← zsh ← code",
				"pid 4711, terminal pts/3", "Key: \"work\" (anna@laptop)\n    ssh-ed25519 SHA256:tAXF", "Asked: no rule matches"},
			[]string{"claimed", "unknown", "user ", "ssh login", "Through"}},
		{"claimed login", func(u *keys.Use) {
			u.Destination = keys.Destination{Trust: keys.TrustClaimed, Claimed: "github.com", Why: "the client is too old"}
		}, []string{"Log in to an unverified host?", `Where: [claimed only] "github.com", not verified`, "the client is too old"},
			[]string{"[verified]"}},
		{"login to an unknown host", func(u *keys.Use) { u.Destination = keys.Destination{Trust: keys.TrustNone} },
			[]string{"Where: [unknown] the client did not say"}, []string{"[verified]", "[claimed"}},
		{"no trust at all", func(u *keys.Use) { u.Destination = keys.Destination{} },
			[]string{"[unknown]"}, []string{"[verified]", "[claimed"}},
		{"a port", func(u *keys.Use) { u.Destination.Host.Names = []string{"[git.example.com]:2222"} },
			[]string{"Log in to git.example.com port 2222?"}, nil},
		{"host not in known_hosts", func(u *keys.Use) { u.Destination.Host.Names = nil },
			[]string{"Log in to a host that you have not met before?", "[new host] a host that is not in known_hosts"}, []string{"[verified]"}},
		{"host with a hashed name", func(u *keys.Use) {
			u.Destination.Trust, u.Destination.Host = keys.TrustNew, keys.Host{Fingerprint: "SHA256:h", Hashed: true}
		}, []string{"Log in to a host whose name cannot be determined?", "[new host] a host whose name is hashed in known_hosts"}, []string{"[verified]"}},
		{"host that matches a pattern", func(u *keys.Use) {
			u.Destination.Trust, u.Destination.Host = keys.TrustNew, keys.Host{Fingerprint: "SHA256:h", Patterns: []string{"*.example"}}
		}, []string{`[new host] a host that matches "*.example" in known_hosts`}, []string{"[verified]"}},
		{"forwarded, nothing proved", func(u *keys.Use) {
			u.Destination = keys.Destination{Trust: keys.TrustNone, Forwarded: true, Why: "behind a forwarded agent"}
		}, []string{"Forwarded from a remote host: log in to an unverified host?", "[unknown] forwarded, destination not proved", "behind a forwarded agent"}, []string{"[verified]"}},
		{"a hop that could not be checked", func(u *keys.Use) {
			u.Destination.Forwarded, u.Destination.Hops = true, []keys.Host{{Fingerprint: "SHA256:hop", Unproved: "an unknown kind"}}
		}, []string{"[unknown] a host whose key cannot be checked", "SHA256:hop"}, nil},
		{"forwarded", func(u *keys.Use) {
			u.Destination.Forwarded = true
			u.Destination.Hops = []keys.Host{{Fingerprint: "SHA256:hop", Names: []string{"jump.example.com"}}}
		}, []string{"Forwarded from jump.example.com: log in to github.com?", "Through: [forwarded] a forwarded agent", "known host jump.example.com", "SHA256:hop"}, []string{"[verified] jump"}},
		{"forwarded from an unknown host", func(u *keys.Use) { u.Destination.Forwarded = true },
			[]string{"Forwarded from a remote host: log in to github.com?", "[forwarded] a forwarded agent: the request comes from another machine"}, nil},
		{"git", func(u *keys.Use) { u.Purpose = wire.Purpose{Kind: wire.KindSSHSig, Namespace: "git"} },
			[]string{"Sign a git commit or tag?", "sign a git commit or tag"}, []string{"Where"}},
		{"git on another machine", func(u *keys.Use) {
			u.Purpose = wire.Purpose{Kind: wire.KindSSHSig, Namespace: "git"}
			u.Destination = keys.Destination{Trust: keys.TrustNone, Forwarded: true, Hops: []keys.Host{{Fingerprint: "SHA256:hop", Names: []string{"jump.example.com"}}}}
		}, []string{"Forwarded from jump.example.com: sign a git commit or tag?", "Through: [forwarded] a forwarded agent", "jump.example.com"}, []string{"Where"}},
		{"file", func(u *keys.Use) { u.Purpose = wire.Purpose{Kind: wire.KindSSHSig, Namespace: "file"} },
			[]string{"Sign a file?", "sign a file"}, nil},
		{"git in a repository", func(u *keys.Use) {
			u.Purpose, u.Peer.Directory = wire.Purpose{Kind: wire.KindSSHSig, Namespace: "git"}, "/home/anna/src/key[broker"
		}, []string{"Sign a git commit or tag in key(broker?"}, nil},
		{"the name that was typed", func(u *keys.Use) { u.Destination.Typed = "github.com" }, nil, []string{"typed", "other name"}},
		{"an alias that was typed", func(u *keys.Use) { u.Destination.Typed = "hub" }, []string{`you typed "hub"`}, []string{"other name"}},
		{"another host than the one that was typed", func(u *keys.Use) { u.Destination.Typed, u.Destination.OtherName = "prod-db-01", true },
			[]string{`[other name] you typed "prod-db-01", the host proved github.com`}, nil},
		{"where a key is stored", func(u *keys.Use) { u.Key.Source = "cards" }, []string{`"work" (anna@laptop), on a smartcard`}, nil},
		{"a key of another agent", func(u *keys.Use) { u.Key.Source = "upstream [x" }, []string{`"work" (anna@laptop), in the agent "(x"`}, nil},
		{"namespace", func(u *keys.Use) { u.Purpose = wire.Purpose{Kind: wire.KindSSHSig, Namespace: "git\n"} },
			[]string{`sign for the namespace "git\x0a"`}, []string{"commit"}},
		{"unknown content", func(u *keys.Use) {
			u.Purpose = wire.Purpose{Kind: wire.KindUnknown, Why: "a certificate that cannot be read"}
		},
			[]string{"Sign unknown content?", "may be anything, even a login elsewhere", "a certificate that cannot be read"}, nil},
		{"background, by ssh, another user", func(u *keys.Use) {
			u.Peer.Terminal, u.Peer.SSHLogin, u.Peer.User = "", true, "54321"
			u.Peer.Foreground, u.Peer.Attended = false, false
		}, []string{"no terminal (background)", "through an ssh login", "user 54321"}, []string{"container", "git runs in"}},
		{"a job in the background of a git in a container", func(u *keys.Use) {
			u.Peer.Foreground, u.Peer.Container, u.Peer.Directory = false, true, "/home/anna/[work]"
		}, []string{"in the background of terminal pts/3", "in a container or sandbox", `git runs in "/home/anna/(work)"`}, nil},
		{"started from a terminal", func(u *keys.Use) { u.Peer.Terminal, u.Peer.Foreground = "", false },
			[]string{"no terminal, but started from one"}, []string{"background"}},
		{"arguments", func(u *keys.Use) {
			u.Peer.Args = []string{"/opt/bin/ssh\n", "HOST", "SECRET"}
			u.Peer.Parents[0].Args = []string{"git", "-c", "http.extraHeader=SECRET", "fetch", "SECRET"}
		}, []string{"Who: ssh ← git fetch ← zsh ← code"}, []string{"SECRET", "HOST", "/opt/bin"}},
		{"a program from elsewhere", func(u *keys.Use) {
			u.Peer.Executable = "/tmp/.x/" + strings.Repeat("[", 200) + "/usr/bin/ssh"
			u.Peer.Parents[1].Executable = "/home/anna/bin/zsh"
		}, []string{"Who: ssh ← git", "its file is /tmp/.x/((", "((/usr/bin/ssh\n", "started by /home/anna/bin/zsh"}, []string{"[" + "[", "/bin/git"}},
		{"a program with its own mounts", func(u *keys.Use) { u.Peer.Executable, u.Peer.Shares.OwnMounts = "/usr/bin/ssh", true },
			[]string{"its file is /usr/bin/ssh"}, []string{"started by"}},
		{"a program that hides its file", func(u *keys.Use) { u.Peer.Executable = "" },
			[]string{"its file is unknown: it may be any program"}, nil},
		{"a program of the system", func(u *keys.Use) { u.Peer.Executable = confirmtest.SystemSSH() }, nil, []string{"its file is", "started by"}},
		{"not identified", func(u *keys.Use) { u.Peer = platform.Peer{User: "1000"} },
			[]string{"the program could not be identified", "user 1000"}, []string{"pid", "terminal"}},
		{"another operation", func(u *keys.Use) { u.Op = keys.OpList },
			[]string{`the operation "list"`}, []string{"log in"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := confirmtest.Login(t)
			test.change(q.Use)
			text := textOf(q)
			for _, want := range test.has {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in\n%s", want, text)
				}
			}
			for _, no := range test.lacks {
				if strings.Contains(text, no) {
					t.Errorf("%q is in\n%s", no, text)
				}
			}
		})
	}
	if text := textOf(confirm.Question{}); !strings.Contains(text, "nothing is known") {
		t.Errorf("without a Use: %s", text)
	}
}

func checkHostile(t *testing.T, q confirm.Question) {
	t.Helper()
	_, lines := confirm.Text(q)
	for _, line := range lines {
		text := line.String()
		for _, r := range text {
			if !unicode.IsGraphic(r) {
				t.Errorf("%q has the character %U", text, r)
			}
		}
		if n := utf8.RuneCountInString(text); n > 400 || !utf8.ValidString(text) {
			t.Errorf("a line of %d characters: %q", n, text)
		}
		if strings.Contains(line.Text, "[") {
			t.Errorf("a value can pass for a mark: %q", text)
		}
	}
	const room = 991 // of a pinentry, which writes "%" and a line break as three characters
	text, err := q.FittingText(func(text string) bool {
		return len(text)+2*strings.Count(text, "%")+2*strings.Count(text, "\n") <= room
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, q.Use.Key.Fingerprint) || !strings.Contains(text, "[claimed only]") || !strings.Contains(text, "pid 4711") {
		t.Errorf("a fact is missing in\n%s", text)
	}
}

func FuzzText(f *testing.F) {
	if len(confirmtest.HostileValues) == 0 {
		f.Fatal("no seeds")
	}
	for _, value := range confirmtest.HostileValues {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) { checkHostile(t, confirmtest.Hostile(t, value)) })
}
