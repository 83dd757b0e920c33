package sshagent

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// askpassPlaces are the usual paths of the program for an unset SSH_ASKPASS.
var askpassPlaces = []string{"/usr/bin/ssh-askpass", "/usr/libexec/openssh/ssh-askpass", "/usr/libexec/ssh-askpass", "/usr/X11R6/bin/ssh-askpass"}

// askpassOf is the prompt of ssh-agent: the program of SSH_ASKPASS if there is a
// display, by the rules of ssh(1) for SSH_ASKPASS_REQUIRE. Otherwise it refuses every
// question.
func askpassOf(env func(string) string) confirm.Prompter {
	way := ways.PromptAskpass
	display := env("DISPLAY") != "" || env("WAYLAND_DISPLAY") != ""
	switch require := strings.ToLower(env("SSH_ASKPASS_REQUIRE")); {
	case require == "never", require != "force" && !display:
		way = ways.PromptNone
	}
	config := ways.Config{Prompt: way, Env: func(name string) string {
		if name == "SSH_ASKPASS" {
			return askpassProgram(env(name))
		}
		return env(name)
	}}
	prompter, err := ways.Choose(config)
	if err != nil {
		config.Prompt = ways.PromptNone
		prompter, _ = ways.Choose(config) // askpass is always available
	}
	return prompter
}

// askpassProgram is the absolute path of the program, or "".
func askpassProgram(name string) string {
	if name != "" {
		path, _ := exec.LookPath(name)
		return path
	}
	for _, path := range askpassPlaces {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// hashed shows the key's fingerprint with the hash of -E.
type hashed struct {
	confirm.Prompter
	hash string
}

func (h hashed) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	if q.Use != nil && h.hash != "sha256" {
		use := *q.Use
		use.Key.Fingerprint = fingerprint(h.hash, certifiedBlob(use.Key.PublicKey))
		q.Use = &use
	}
	return h.Prompter.Ask(ctx, q)
}

// certifiedBlob is the key, or for a certificate the key that it certifies.
func certifiedBlob(key ssh.PublicKey) []byte {
	return publickey.Certified(key).Marshal()
}

// fingerprint has the form of ssh-keygen -E.
func fingerprint(hash string, blob []byte) string {
	var sum []byte
	switch hash {
	case "md5":
		s := md5.Sum(blob)
		return "MD5:" + strings.ReplaceAll(fmt.Sprintf("% x", s[:]), " ", ":")
	case "sha1":
		s := sha1.Sum(blob)
		sum = s[:]
	case "sha384":
		s := sha512.Sum384(blob)
		sum = s[:]
	case "sha512":
		s := sha512.Sum512(blob)
		sum = s[:]
	default:
		s := sha256.Sum256(blob)
		sum = s[:]
	}
	return strings.ToUpper(hash) + ":" + base64.RawStdEncoding.EncodeToString(sum)
}
