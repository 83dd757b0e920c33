package config

import (
	"errors"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
)

// FuzzConfig: each fault of a file stands in it, and what has none is read the same way
// again, keeps its limits, and can be worked with, as the user's file and as the machine's.
func FuzzConfig(f *testing.F) {
	page, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		f.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllSubmatch(page, -1)
	if len(examples) == 0 {
		f.Fatal("the page has no example")
	}
	for _, example := range examples {
		f.Add(example[1])
	}
	for _, seed := range append(tomlSeeds, "[confirm]\ntimeout = \"1h1ns\"", "[piv]\npin_cache = \"-1s\"", "[[socket]]\nname = \"x\"\n[[socket]]\nname = \"x\"",
		"[audit]\nDurability = \"power\"", "audit.durability = \"power\"\n[limits]\nremember = \"1m\"", "[confirm]\ntimeout = 60", "[tray]\nnotify = [\"\"]") {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, again, m := Default(), Default(), Machine{Config: Default()}
		err := c.decode("f", data)
		checkFaults(t, data, err)
		checkFaults(t, data, m.decode("f", data))
		if err != nil {
			return
		}
		if err := again.decode("f", data); err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("read twice, it is %+v, and %+v: %v", c, again, err)
		}
		if _, err := pathsIn("f", data); err != nil {
			t.Fatal(err)
		}
		if c.Confirm.Timeout < minTimeout || c.Confirm.Timeout > maxTimeout || c.Confirm.Remember < 0 || c.Confirm.Remember > policy.MaxRemember ||
			c.PIV.PINCache < 0 || c.PIV.PINCache > maxPINCache {
			t.Fatalf("beyond the limits: %+v", c)
		}
		policy.New(c.Rules, nil, policy.Options{}).Decide(&keys.Use{Op: keys.OpSign})
	})
}

// checkFaults looks at the places of the faults that err joins.
func checkFaults(t *testing.T, data []byte, err error) {
	t.Helper()
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			checkFaults(t, data, one)
		}
		return
	}
	if err == nil {
		return
	}
	fault, ok := errors.AsType[*Fault](err)
	if lines := strings.Count(string(data), "\n") + 1; !ok || fault.Message == "" || fault.File != "f" || fault.Line < 0 || fault.Line > lines {
		t.Fatalf("%#v of %d lines", err, lines)
	}
}
