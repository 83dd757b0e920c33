//go:build linux

package hosts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/lifecycle/authorized"
)

// What sshd_config says for one account.
func TestServerConfig(t *testing.T) {
	files := map[string]string{
		"/etc/ssh/sshd_config.d/*.conf": "AuthorizedKeysFile /from/include\n",
		"inner":                         "Match User root\nAuthorizedKeysFile /inner/root\n",
	}
	for name, c := range map[string]struct {
		text, account string
		files         []string
		uncertain     int
		command, ca   bool
		unread        bool
	}{
		"default":           {text: "# AuthorizedKeysFile /x\n", files: defaultFiles},
		"one":               {text: "AuthorizedKeysFile .ssh/authorized_keys\n", files: []string{".ssh/authorized_keys"}},
		"equals and quotes": {text: "authorizedkeysfile=\"/a b\" /c # d\n", files: []string{"/a b", "/c"}},
		"the first wins":    {text: "AuthorizedKeysFile /a\nAuthorizedKeysFile /b\n", files: []string{"/a"}},
		"none":              {text: "AuthorizedKeysFile none\n", files: nil},
		"match user":        {text: "AuthorizedKeysFile /a\nMatch User anna,ro*\nAuthorizedKeysFile /b\n", account: "root", files: []string{"/b"}},
		"match user by =":   {text: "Match User=Anna\nAuthorizedKeysFile /b\n", account: "Anna", files: []string{"/b"}},
		"case of a user":    {text: "AuthorizedKeysFile /a\nMatch User=Anna\nAuthorizedKeysFile /b\n", account: "anna", files: []string{"/a"}},
		"match other user":  {text: "AuthorizedKeysFile /a\nMatch User anna,!root\nAuthorizedKeysFile /b\n", account: "root", files: []string{"/a"}},
		"negated":           {text: "AuthorizedKeysFile /a\nMatch User *,!root\nAuthorizedKeysFile /b\n", account: "root", files: []string{"/a"}},
		"match all":         {text: "AuthorizedKeysFile /a\nMatch all\nAuthorizedKeysFile /b\n", files: []string{"/b"}},
		"match group":       {text: "AuthorizedKeysFile /a\nMatch Group wheel\nAuthorizedKeysFile /b\n", files: []string{"/a", "/b"}, uncertain: 1},
		"group, other user": {text: "AuthorizedKeysFile /a\nMatch Group wheel User anna\nAuthorizedKeysFile /b\n", account: "root", files: []string{"/a"}},
		"match address":     {text: "Match Address 10.0.0.0/8\nAuthorizedKeysFile /b\n", files: append(slices.Clone(defaultFiles), "/b"), uncertain: 1},
		"include":           {text: "Include /etc/ssh/sshd_config.d/*.conf\nAuthorizedKeysFile /a\n", files: []string{"/from/include"}},
		"include in match":  {text: "AuthorizedKeysFile /a\nMatch User anna\nInclude inner\n", account: "root", files: []string{"/a"}},
		"match in include":  {text: "Include inner\nAuthorizedKeysFile /a\n", account: "root", files: []string{"/inner/root"}},
		"after include":     {text: "Include inner\nAuthorizedKeysFile /a\n", account: "anna", files: []string{"/a"}},
		"unreadable":        {text: "Include secret\n", files: defaultFiles, unread: true},
		"command":           {text: "AuthorizedKeysCommand /bin/x\nTrustedUserCAKeys /ca\n", files: defaultFiles, command: true, ca: true},
		"no command":        {text: "AuthorizedKeysCommand none\nTrustedUserCAKeys none\n", files: defaultFiles},
	} {
		config := newServerConfig(c.account, func(pattern string) ([]string, bool) {
			text, ok := files[pattern]
			return []string{text}, ok
		})
		config.read(c.text, yes, false)
		got := config.result()
		if !slices.Equal(got.Files, c.files) || len(got.Uncertain) != c.uncertain || got.Command != c.command || got.Authorities != c.ca || config.unread != c.unread {
			t.Errorf("%s: %+v, unread %v", name, got, config.unread)
		}
	}
}

func TestPaths(t *testing.T) {
	a := account{name: "anna", home: "/home/anna", uid: 1000}
	for entry, want := range map[string]string{
		".ssh/authorized_keys": "/home/anna/.ssh/authorized_keys", "/etc/ssh/%u": "/etc/ssh/anna", "%h/k": "/home/anna/k", "/k/%U.%%": "/k/1000.%",
		"/%x": "", "/%": "", "__PROGRAMDATA__/ssh/administrators_authorized_keys": "/C:/ProgramData/ssh/administrators_authorized_keys",
	} {
		if got, ok := a.expand(entry); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v", entry, got, ok)
		}
	}
	if _, ok := (account{uid: -1}).expand("%U"); ok {
		t.Error("an unknown uid was expanded")
	}
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{{"authorized_keys*", "authorized_keys.bak", true}, {"*", ".kb-lock", false}, {".*", ".kb-lock", true}, {"k?", "k1", true}, {"[!a]", "b", true}, {"[", "[", false}} {
		if got := matchesName(c.pattern, c.name); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.name, got)
		}
	}
}

// A server of OpenSSH 10 reads every file that a glob names, a forgotten backup too. The
// sshd here may be older, so the version is set, and what it would read is looked at.
func TestFilesOfAGlob(t *testing.T) {
	s := newServer(t)
	backup := s.newKey("backup")
	s.write("home/.ssh/authorized_keys.bak", line(backup)+"\n")
	s.write("home/.ssh/.kb-left", line(backup)+"\n")
	h := s.dial()
	s.write("sshd_config", "AuthorizedKeysFile "+s.dir+"/home/.ssh/authorized_keys*\n")
	for banner, want := range map[string][]string{
		"OpenSSH_9.9":  {s.keys}, // by the word of the server alone: it let this login in
		"OpenSSH_10.0": {s.keys, s.keys + ".bak"},
	} {
		h.banner = banner
		files, unseen, err := h.Files(t.Context())
		must(t, err)
		var got []string
		for _, file := range files {
			got = append(got, file.Path)
		}
		if !slices.Equal(got, want) || (len(unseen) != 0) != (len(want) == 1) {
			t.Errorf("%s: %q, %v", banner, got, unseen)
		}
	}
}

// Both default files are read, a third one that sshd took the login from, and what cannot
// be read is said.
func TestFiles(t *testing.T) {
	s := newWatchedServer(t)
	h := s.dial()
	s.write("home/.ssh/authorized_keys2", "# two\n")
	must(t, os.Symlink(s.path("home/.ssh/authorized_keys2"), s.path("link")))
	names := func() (paths []string, unseen string) {
		t.Helper()
		files, missed, err := h.Files(t.Context())
		must(t, err)
		for _, file := range files {
			paths = append(paths, strings.TrimPrefix(file.Path, s.dir))
			if file.Path == s.path("link") && (!file.Link || file.Target != s.path("home/.ssh/authorized_keys2")) {
				t.Errorf("%+v", file)
			}
			if file.SHA256 != sum(file.Data) || file.Modified.IsZero() || file.Mode != 0o600 {
				t.Errorf("%+v", file)
			}
		}
		for _, one := range missed {
			unseen += one.What + ": " + one.Why + "\n"
		}
		return paths, unseen
	}
	if paths, unseen := names(); !slices.Equal(paths, []string{"/home/.ssh/authorized_keys", "/home/.ssh/authorized_keys2"}) || unseen != "" {
		t.Errorf("%q, %s", paths, unseen)
	}
	s.write("sshd_config", "AuthorizedKeysFile "+s.dir+"/link "+s.dir+"/missing\nAuthorizedKeysCommand /bin/x\nTrustedUserCAKeys /ca\nInclude "+s.dir+"/inc*\nMatch Group wheel\n")
	s.write("include", "X y\n")
	must(t, os.Chmod(s.path("include"), 0))
	paths, unseen := names()
	if !slices.Equal(paths, []string{"/link", "/home/.ssh/authorized_keys"}) {
		t.Errorf("%q", paths)
	}
	for _, want := range []string{"AuthorizedKeysCommand", "TrustedUserCAKeys", "includes cannot be read", "Match Group wheel"} {
		if !strings.Contains(unseen, want) {
			t.Errorf("%q is not said in %s", want, unseen)
		}
	}
	must(t, os.Chmod(s.path("sshd_config"), 0))
	must(t, os.Chmod(s.keys, 0))
	_, unseen = names()
	if !strings.Contains(unseen, "sshd_config: "+s.path("sshd_config")+" cannot be read") || !strings.Contains(unseen, "authorized_keys: "+s.keys) {
		t.Errorf("%s", unseen)
	}
}

// What the server names and its configuration does not: it runs with another one. Where it
// names a program (AuthorizedKeysCommand), that is no file to read or to change.
func TestFilesThatOnlyTheServerNames(t *testing.T) {
	s := newServer(t, "AuthorizedKeysFile DIR/said")
	for first, want := range map[string][]string{
		"# keys":    {s.path("said")},
		"#!/bin/sh": nil,
		"\x7fELF":   nil,
	} {
		s.write("said", first+"\n"+line(s.login)+"\n")
		h := s.dial()
		config := s.text("sshd_config")
		s.write("sshd_config", "AuthorizedKeysFile "+s.path("other")+"\n")
		files, unseen, err := h.Files(t.Context())
		must(t, err)
		s.write("sshd_config", config)
		var got []string
		for _, file := range files {
			got = append(got, file.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q", first, got)
		}
		said := fmt.Sprint(unseen)
		if !strings.Contains(said, "sshd runs with another one") || strings.Contains(said, "AuthorizedKeysCommand") != (want == nil) {
			t.Errorf("%q: %s", first, said)
		}
	}
}

// Behind ChrootDirectory the files that are seen are not those of sshd, which is said.
func TestFilesBehindAChroot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for ChrootDirectory")
	}
	dir, err := os.MkdirTemp("/run", "kbchroot") // sshd trusts no directory below one that others may write
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	s := newServer(t, "ChrootDirectory "+dir)
	files, unseen, err := s.dial().Files(t.Context())
	if err != nil || len(files) != 0 || !strings.Contains(fmt.Sprint(unseen), "ChrootDirectory") {
		t.Errorf("%v, %v, %v", files, unseen, err)
	}
}

// A file that is no file, or is too much for memory, is passed over.
func TestReadFileOfOddKinds(t *testing.T) {
	s := newServer(t)
	h := s.dial()
	for _, name := range []string{"/dev/zero", filepath.Dir(s.keys), s.path("none")} {
		if _, _, err := h.ReadFile(t.Context(), name); err == nil || KindOf(err) == Lost {
			t.Errorf("%s: %v", name, err)
		}
	}
	if data, _, err := h.ReadFile(t.Context(), s.keys); err != nil || len(authorized.Parse(data).Lines) != 1 {
		t.Errorf("%q %v", data, err)
	}
}
