package platform

import (
	"path"
	"slices"
	"strings"
)

// interpreters run a file that their command line names; their own name says little.
// Each has the letters of the options that may precede the file and take no value.
// After any other option nothing is shown: what follows may be a program's text, or a
// secret.
var interpreters = map[string]string{
	"python": "bBdEiIOPqsSuvx", "pypy": "bBdEiIOPqsSuvx",
	"perl": "tTwW", "ruby": "wW", "node": "", "nodejs": "",
	"sh": "eux", "dash": "eux", "bash": "eux", "zsh": "eux", "ksh": "eux",
}

// maxScript bounds the name of a file.
const maxScript = 40

// Script is the base name of the file that an interpreter runs: "parallel-ssh" for
// "python3 /usr/bin/parallel-ssh -p 30"; "" if there is none or it is not a plain name.
// It comes from the program's arguments, and needs no escaping.
func (p Process) Script() string {
	name := strings.TrimRight(p.Name, "0123456789.") // python3.11
	if len(p.Args) < 2 {
		return ""
	}
	if name == "java" {
		return fileName(afterJar(p.Args[1:]))
	}
	letters, ok := interpreters[name]
	if !ok {
		return ""
	}
	for _, arg := range p.Args[1:] {
		if len(arg) < 2 || arg[0] != '-' {
			return fileName(arg)
		}
		if strings.Trim(arg[1:], letters) != "" {
			return ""
		}
	}
	return ""
}

// afterJar is the file behind -jar, where nothing but options stands before it.
func afterJar(args []string) string {
	i := slices.Index(args, "-jar")
	if i < 0 || i+1 >= len(args) {
		return ""
	}
	for _, arg := range args[:i] {
		if !strings.HasPrefix(arg, "-") {
			return ""
		}
	}
	return args[i+1]
}

// fileName is the last part of a path when it is a plain word.
func fileName(file string) string {
	if strings.HasPrefix(file, "/dev/") || strings.HasPrefix(file, "/proc/") {
		return ""
	}
	name := path.Base(file)
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+"
	if file == "" || len(name) > maxScript || strings.Trim(name, plain) != "" || strings.Trim(name, ".-") == "" || name[0] == '-' {
		return ""
	}
	return name
}

// Title is the program and its task, as far as that may be shown: "git rebase",
// "python3.11 parallel-ssh". It is escaped.
func (p Process) Title() string {
	for _, word := range []string{p.SubCommand(), p.Script()} {
		if word != "" {
			return p.escapedName() + " " + word
		}
	}
	return p.escapedName()
}
