package config

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
)

const goodRules = `# rules
[[rule]]
name = "git at work"
key = "work"
host = "[git.example.com]:2222"
user = 'CORP\alice'
program = "/usr/bin/*"
purpose = "login"
forwarded = false
action = "ask"
remember = "15m"

[[rule]]
action = "refuse"
`

// parseRules reads a file that holds [[rule]] tables and nothing else.
func parseRules(file string, data []byte) ([]policy.Rule, error) {
	var document struct {
		Rules []policy.Rule `toml:"rule"`
	}
	if err := decode(file, data, &document); err != nil {
		return nil, err
	}
	if err := checkRules(file, data, document.Rules); err != nil {
		return nil, err
	}
	return document.Rules, nil
}

func TestRules(t *testing.T) {
	rules, err := parseRules("config.toml", []byte(goodRules))
	if err != nil {
		t.Fatal(err)
	}
	first, second := rules[0], rules[1]
	if first.Name != "git at work" || first.Line != 2 || first.File != "config.toml" || first.Remember != 15*time.Minute ||
		first.Forwarded == nil || *first.Forwarded || first.User != `CORP\alice` {
		t.Errorf("first: %+v", first)
	}
	if second.Name != "rule 2 (config.toml:13)" || second.Forwarded != nil || second.Action != policy.Refuse {
		t.Errorf("second: %+v", second)
	}
}

// Every row breaks one thing of goodRules (an error that a row without the
// break does not give: TestRules).
func TestErrorsInRules(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"unknown field", `host = "[git`, `hots = "[git`, `config.toml:5:1: unknown field "hots" in [[rule]]; did you mean "host"?`},
		{"unknown field in the second", `action = "refuse"`, "action = \"refuse\"\n  porpose = \"login\"", `config.toml:15:3: unknown field "porpose" in [[rule]]; did you mean "purpose"?`},
		{"upper case", `host = "[git`, `Host = "[git`, `config.toml:5:1: unknown field "Host" in [[rule]]; did you mean "host"?`},
		{"unlike any", `host = "[git`, `xyzzyx = "[git`, `config.toml:5:1: unknown field "xyzzyx" in [[rule]]`},
		{"unknown top level", `# rules`, `color = 1`, `config.toml:1:1: unknown field "color"`},
		{"unknown table", `# rules`, `[[rules]]`, `config.toml:1:1: unknown table [[rules]]; did you mean "rule"?`},
		{"unknown subtable", `action = "refuse"`, "action = \"refuse\"\n[rule.when]\nday = 1", `config.toml:15:1: unknown table [rule[1].when]`},
		{"one bracket", goodRules, "\n[rule]", `config.toml:2:1: [rule] must be an array of tables: write [[rule]]`},
		{"wrong type in the first", `forwarded = false`, `forwarded = "false"`, `config.toml:9:1: forwarded must be true or false, not a string`},
		{"number for a string", `user = 'CORP\alice'`, `user = 7`, `config.toml:6:1: user must be a string, not a whole number`},
		{"list for a string", `user = 'CORP\alice'`, `user = ["a"]`, `config.toml:6:1: user must be a string, not an array`},
		{"syntax", `forwarded = false`, `forwarded = fals`, `config.toml:9:13: expected value but found "fals" instead`},
		{"repeated field", `forwarded = false`, `action = "allow"`, `config.toml:10:18: Key 'rule.action' has already been defined.`},
		{"unknown action", `action = "ask"`, `action = "alow"`, `config.toml:10:1: unknown action "alow": write "allow", "ask" or "refuse"`},
		{"no action", `action = "ask"`, ``, `config.toml:2:1: the rule has no action: write action = "allow", "ask" or "refuse"`},
		{"unknown purpose", `purpose = "login"`, `purpose = "logn"`, `config.toml:8:1: unknown purpose "logn": write "sshsig:git", "sshsig:*" or one of login, certificate, certificate:user, certificate:host, sudo, challenge, test, unknown`},
		{"sshsig alone", `purpose = "login"`, `purpose = "sshsig:"`, `config.toml:8:1: unknown purpose "sshsig:": write "sshsig:git", "sshsig:*" or one of login, certificate, certificate:user, certificate:host, sudo, challenge, test, unknown`},
		{"bad duration", `"15m"`, `"15"`, `config.toml:11:1: remember: bad duration "15": write a number and a unit such as "90s", "15m" or "8h"`},
		{"number for a duration", `"15m"`, `15`, `config.toml:11:1: remember must be a duration in quotes such as "15m", not a whole number`},
		{"negative", `"15m"`, `"-1s"`, `config.toml:11:1: remember is negative`},
		{"too long", `"15m"`, `"24h1s"`, `config.toml:11:1: remember is longer than 24h: for more, write a rule with action = "allow"`},
		{"empty pattern", `key = "work"`, `key = ""`, `config.toml:4:1: key is empty: leave the line out`},
		{"bad pattern", `key = "work"`, `key = "w[o"`, `config.toml:4:1: bad pattern "w[o": '[' has no meaning here; use "*" for any text, "?" for one character, "," between patterns and "!" before an exception`},
		{"hosts with a hole", `"[git.example.com]:2222"`, `"a,,b"`, `config.toml:5:1: bad pattern "a,,b": one of its patterns is empty`},
		{"hosts with a space", `"[git.example.com]:2222"`, `"a, b"`, `config.toml:5:1: bad pattern "a, b": " b" begins or ends with a space`},
		{"nothing but an exception", `"[git.example.com]:2222"`, `"!a"`, `config.toml:5:1: bad pattern "!a": it has only exceptions, so it matches nothing; write "*,!a"`},
		{"excepted twice", `"[git.example.com]:2222"`, `"*,!!a"`, `config.toml:5:1: bad pattern "*,!!a": '!' has no meaning here; use "*" for any text, "?" for one character, "," between patterns and "!" before an exception`},
		{"list of purposes", `"login"`, `"sshsig:git,file"`, `config.toml:8:1: bad pattern "git,file": ',' has no meaning here; use "*" for any text and "?" for one character, and one rule for each alternative`},
		{"set in a host", `"[git.example.com]:2222"`, `"[ab]cd"`, `config.toml:5:1: bad pattern "[ab]cd": '[' has no meaning here; use "*" for any text, "?" for one character, "," between patterns and "!" before an exception`},
		{"windows path", `"/usr/bin/*"`, `'C:\ssh.exe'`, `config.toml:7:1: bad pattern "C:\\ssh.exe": write "/" between the parts of a path`},
		{"spaces", `key = "work"`, `key = "work "`, `config.toml:4:1: bad pattern "work ": it begins or ends with a space`},
		{"escape sequence", `"git at work"`, `"git\u001b[2J"`, `config.toml:3:1: name has a character that cannot be printed`},
		{"inline", goodRules, `rule = [{action = "ask"}, {action = "no"}]`, `config.toml:1:1: unknown action "no": write "allow", "ask" or "refuse"`},
		{"two faults in order", goodRules, "[[rule]]\nremember = \"x\"\naction = \"ask\"\n[[rule]]\nhots = \"x\"", "config.toml:2:1: remember: bad duration \"x\": write a number and a unit such as \"90s\", \"15m\" or \"8h\"\nconfig.toml:5:1: unknown field \"hots\" in [[rule]]; did you mean \"host\"?"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(goodRules, test.old, test.new, 1)
			rules, err := parseRules("config.toml", []byte(text))
			if err == nil || err.Error() != test.want || rules != nil {
				t.Errorf("got  %v\nwant %v\nof\n%s", err, test.want, text)
			}
		})
	}
}

// A larger configuration, as the daemon's, uses the same functions.
func TestDecodeInALargerFile(t *testing.T) {
	type config struct {
		Confirm struct {
			Timeout time.Duration `toml:"timeout"`
			Prompt  string        `toml:"prompt"`
		} `toml:"confirm"`
		Plain int
		Rules []policy.Rule `toml:"rule"`
	}
	text := "\ufeffplain = 3\n[confirm]\n  timeout = \"60s\"\n  prompt = \"[[rule]]\"\n[[rule]]\naction = \"ask\"\n"
	var c config
	if err := decode("c", []byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if err := checkRules("c", []byte(text), c.Rules); err != nil {
		t.Fatal(err)
	}
	if c.Plain != 3 || c.Confirm.Timeout != time.Minute || len(c.Rules) != 1 || c.Rules[0].Line != 5 {
		t.Errorf("got %+v", c)
	}

	err := errorAt("c", []byte(text), "confirm.timeout", errors.New("too short"))
	if err.Error() != "c:3:3: too short" {
		t.Errorf("got %v", err)
	}
	var at *Fault
	if !errors.As(err, &at) || at.Line != 3 {
		t.Errorf("no *Fault with its line in %v", err)
	}
	if err := errorAt("c", []byte(text), "confirm.absent", errors.New("missing")); err.Error() != "c:2:1: missing" {
		t.Errorf("absent: got %v", err)
	}
	if err := errorAt("c", []byte(text), "nowhere.absent", errors.New("missing")); err.Error() != "c: missing" {
		t.Errorf("nowhere: got %v", err)
	}
	if err := decode("c", make([]byte, maxFile+1), &c); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a huge file: got %v", err)
	}
}

var tomlSeeds = []string{
	goodRules,
	"rule = [{action = \"ask\"}, {action = \"no\"}]",
	"a.b = 1\n\"c d\".'e' = { f = 1, g = [1,\n2] } # x\n[[h.i]]\nj=1\n[h.i.k]\nl='''\n[[x]]\n'''\n[[h.i]]\nj=2",
	"s = \"\"\"a\\\"\"\"\"\"\nt = 1",
	"[[rule]]\nkey = \"\\u001b\"\naction = \"allow\"\nremember=1",
	"[rule]", "[[", "=", "\"", "a=[", "\ufeff[[rule]]",
}

// What is not an error is a valid rule, and every key of a valid document is
// found where it stands.
func FuzzRules(f *testing.F) {
	if len(tomlSeeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, seed := range tomlSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rules, err := parseRules("f", data)
		found := positions(data)
		if err != nil {
			if rules != nil || err.Error() == "" {
				t.Fatalf("rules beside the error %v", err)
			}
			return
		}
		for i, r := range rules {
			if err := r.Validate(); err != nil || r.Line == 0 || r.Name == "" {
				t.Fatalf("rule %d: %+v: %v", i, r, err)
			}
		}
		policy.New(rules, nil, policy.Options{}).Decide(&keys.Use{Op: keys.OpSign})
		lines := strings.Count(string(data), "\n") + 1
		for path, at := range found {
			if at.line < 1 || at.line > lines || at.col < 1 {
				t.Fatalf("%s at %v of %d lines", path, at, lines)
			}
		}
	})
}

// The TOML library is the judge of which keys there are.
func FuzzPositions(f *testing.F) {
	for _, seed := range tomlSeeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !plain(text) {
			return
		}
		var document map[string]any
		meta, err := toml.Decode(text, &document)
		found := positions([]byte(text))
		if err != nil {
			return
		}
		for path := range found {
			keys := strings.Split(stripIndexes(path), ".")
			if !meta.IsDefined(keys[0]) {
				t.Fatalf("%q is not in\n%s", path, text)
			}
		}
		first := map[string]bool{}
		for path := range found {
			name, _, _ := strings.Cut(stripIndexes(path), ".")
			first[name] = true
		}
		for key := range document {
			if !first[key] {
				t.Fatalf("%q is not found in\n%s\nbut %v", key, text, found)
			}
		}
	})
}

// plain leaves out keys in quotes with dots or brackets in them, which paths
// cannot tell apart, and the other byte order marks that the library takes.
func plain(text string) bool { return utf8.ValidString(text) && !strings.ContainsAny(text, `"'\`) }

func stripIndexes(path string) string {
	for {
		start := strings.IndexByte(path, '[')
		if start < 0 {
			return path
		}
		end := strings.IndexByte(path, ']')
		path = path[:start] + path[end+1:]
	}
}
