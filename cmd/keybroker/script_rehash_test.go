//go:build linux

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdRehash is "rehash DIR LINE OLD NEW": an attacker replaces text in the audit
// log from that line on, and hashes what follows anew, so that the chain is whole.
func cmdRehash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: rehash DIR LINE OLD NEW")
	}
	from, err := strconv.Atoi(args[1])
	ts.Check(err)
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "audit-*.jsonl"))
	ts.Check(err)
	if len(files) != 1 {
		ts.Fatalf("%d files of records", len(files))
	}
	data, err := os.ReadFile(files[0])
	ts.Check(err)
	forged := rehashed(string(data), from, args[2], args[3])
	if forged == string(data) {
		ts.Fatalf("nothing to change")
	}
	ts.Check(os.WriteFile(files[0], []byte(forged), 0o600))
}

// rehashMain is the program "rehashed FILE LINE OLD NEW", which prints the result.
func rehashMain() {
	data, err := os.ReadFile(os.Args[1])
	from, badLine := strconv.Atoi(os.Args[2])
	if err != nil || badLine != nil {
		os.Exit(2)
	}
	os.Stdout.WriteString(rehashed(string(data), from, os.Args[3], os.Args[4]))
}

var prevField = regexp.MustCompile(`"prev":"[0-9a-f]{64}"$`)

func rehashed(log string, from int, old, new string) string {
	var out strings.Builder
	prev, number := "", 0
	for line := range strings.Lines(log) {
		body, _, _ := strings.Cut(line, `,"hash":"`)
		if number++; number >= from {
			body = strings.ReplaceAll(body, old, new)
			if prev != "" {
				body = prevField.ReplaceAllString(body, `"prev":"`+prev+`"`)
			}
		}
		sum := sha256.Sum256([]byte(body))
		prev = hex.EncodeToString(sum[:])
		out.WriteString(body + `,"hash":"` + prev + "\"}\n")
	}
	return out.String()
}
