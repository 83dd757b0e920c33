package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/lifecycle/store"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxPublic bounds a file with a public key, in bytes.
const maxPublic = 64 << 10

// agentKeys are the keys that ssh can log in with now. Certificates are left out: they
// open a door by another file.
func agentKeys(ctx context.Context) ([]lifecycle.Key, error) {
	out, err := platform.Command(ctx, "ssh-add", "-L").CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, problem.New("there is no ssh-add", "install OpenSSH's client")
	}
	if err != nil {
		if bytes.Contains(out, []byte("no identities")) {
			return nil, nil
		}
		return nil, problem.With(errors.New("no agent answers: "+platform.Escape(string(bytes.TrimSpace(out)), 100)), "start the broker and set SSH_AUTH_SOCK: eval \"$(keybroker env)\"")
	}
	var list []lifecycle.Key
	for line := range strings.Lines(string(out)) {
		if key, ok := publicLine(line); ok && !strings.Contains(key.Type, "-cert-") {
			list = append(list, key)
		}
	}
	return list, nil
}

// publicLine reads "TYPE BASE64 COMMENT".
func publicLine(line string) (lifecycle.Key, bool) {
	fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
	if len(fields) < 2 {
		return lifecycle.Key{}, false
	}
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil || len(blob) == 0 {
		return lifecycle.Key{}, false
	}
	key := lifecycle.Key{Type: fields[0], Blob: blob, Fingerprint: authorized.Fingerprint(blob)}
	if len(fields) == 3 {
		key.Names = []string{fields[2]}
	}
	return key, true
}

// findKey looks for a key by name or fingerprint in the broker, in the agent, and in the
// last inventory, or reads a .pub file.
func (c *carrier) findKey(ctx context.Context, text string) (lifecycle.Key, error) {
	return c.find(ctx, text, true)
}

// findNew is findKey for a key that is to open a door. A name that only the last inventory
// knows is no name for it: it may be a comment that somebody wrote on a host.
func (c *carrier) findNew(ctx context.Context, text string) (lifecycle.Key, error) {
	key, err := c.find(ctx, text, strings.HasPrefix(text, "SHA256:"))
	if errors.Is(err, errNoKey) {
		err = problem.New(fmt.Sprintf("%s %s in the broker and the agent; names that hosts have for keys do not count here", errNoKey, platform.Escape(text, 80)), "give a name or fingerprint of keybroker keys list, a fingerprint of the last inventory, or a file: FILE.pub")
	}
	return key, err
}

func (c *carrier) find(ctx context.Context, text string, inInventory bool) (lifecycle.Key, error) {
	if strings.HasSuffix(text, ".pub") || strings.ContainsAny(text, `/\`) && !strings.HasPrefix(text, "SHA256:") {
		return keyFile(text)
	}
	found, err := c.held(ctx, text)
	if err != nil {
		return lifecycle.Key{}, err
	}
	if len(found) == 0 {
		inAgent, _ := agentKeys(ctx) // a missing agent is said when it is needed
		found = named(inAgent, text)
	}
	if len(found) == 0 && inInventory {
		inventory, err := c.inventory(ctx)
		if err != nil {
			return lifecycle.Key{}, err
		}
		found = named(inventory.Keys, text)
	}
	return oneKey(found, text)
}

// held are the keys of the broker that a person means with text; none if it does not run.
func (c *carrier) held(ctx context.Context, text string) (list []lifecycle.Key, err error) {
	all, err := c.client().Keys(ctx)
	if err != nil && !errors.Is(err, control.ErrNotRunning) {
		return nil, err
	}
	for _, k := range keys.Named(all, text, func(k control.Key) (string, string, string) { return k.Name, k.Fingerprint, k.Comment }) {
		if key, ok := publicLine(k.PublicKey); ok {
			key.Names, key.Source = names(k), k.Source
			list = append(list, key)
		}
	}
	return different(list), nil
}

// named are the keys of the agent or the inventory that a person means with text. Their
// names are only comments.
func named(list []lifecycle.Key, text string) []lifecycle.Key {
	return different(keys.Named(list, text, func(key lifecycle.Key) (name, fingerprint, comment string) {
		if slices.Contains(key.Names, text) {
			comment = text
		}
		return "", key.Fingerprint, comment
	}))
}

// different leaves out keys that are there twice.
func different(list []lifecycle.Key) (left []lifecycle.Key) {
	for _, key := range list {
		if !slices.ContainsFunc(left, func(k lifecycle.Key) bool { return k.Fingerprint == key.Fingerprint }) {
			left = append(left, key)
		}
	}
	return left
}

func names(k control.Key) []string {
	var list []string
	for _, name := range []string{k.Name, k.Comment} {
		if name != "" && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

var errNoKey = errors.New("there is no key")

func oneKey(found []lifecycle.Key, text string) (lifecycle.Key, error) {
	shown := platform.Escape(text, 80)
	switch {
	case len(found) == 0:
		return lifecycle.Key{}, problem.With(fmt.Errorf("%w %s in the broker, the agent and the last inventory", errNoKey, shown), "give a name or fingerprint of keybroker keys list, or a file: FILE.pub")
	case len(found) > 1:
		var list []string
		for _, key := range found {
			list = append(list, key.Fingerprint)
		}
		return lifecycle.Key{}, problem.With(fmt.Errorf("%d keys are called %s", len(found), shown), "give a fingerprint: %s", strings.Join(list, ", "))
	case len(found[0].Blob) == 0:
		return lifecycle.Key{}, problem.With(fmt.Errorf("of the key %s only the fingerprint is known", shown), "give its public half as a file: FILE.pub")
	}
	return found[0], nil
}

func keyFile(path string) (lifecycle.Key, error) {
	data, err := platform.ReadRegular(path, maxPublic)
	if err != nil {
		return lifecycle.Key{}, err
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	key, ok := publicLine(line)
	if !ok {
		return key, cli.Usage(problem.With(fmt.Errorf("%s has no public key", path), "give the .pub file"))
	}
	return key, nil
}

// inventory is the newest one of this user on this machine; empty if there is none.
func (c *carrier) inventory(ctx context.Context) (lifecycle.Inventory, error) {
	machine, user := here()
	inventory, err := c.kept.LastInventory(ctx, machine, user)
	if errors.Is(err, store.ErrNone) {
		return lifecycle.Inventory{}, nil
	}
	return inventory, err
}

// doorsOf are the places where the last inventory saw the key, and those where an earlier
// one saw it on a host that the last one did not read.
func (c *carrier) doorsOf(ctx context.Context, fingerprint string) ([]lifecycle.Place, error) {
	last, err := c.inventory(ctx)
	if err != nil {
		return nil, err
	}
	earlier, err := c.kept.Places(ctx, fingerprint)
	if err != nil {
		return nil, err
	}
	machine, _ := here()
	read := func(place lifecycle.Place) bool { // every inventory reads this machine
		return place.Host.Name == machine || slices.ContainsFunc(last.Hosts, func(h lifecycle.Host) bool { return h.Key == place.Host.Key })
	}
	elsewhere := func(place lifecycle.Place) bool { return place.Fingerprint != fingerprint || place.Forge != "" }
	return slices.DeleteFunc(slices.Concat(last.Places, slices.DeleteFunc(earlier, read)), elsewhere), nil
}

// placesOf are the places that a person named, or else all that doorsOf knows.
func (c *carrier) placesOf(ctx context.Context, key lifecycle.Key, named []string) ([]plan.Place, error) {
	var list []plan.Place
	add := func(place plan.Place) {
		if !slices.ContainsFunc(list, func(p plan.Place) bool { return p.Target == place.Target }) {
			list = append(list, place)
		}
	}
	for _, text := range named {
		if isForge(text) {
			place, err := c.forgePlace(text)
			if err != nil {
				return nil, cli.Usage(err)
			}
			add(place)
			continue
		}
		target, err := plan.ParseTarget(text)
		if err != nil {
			return nil, cli.Usage(err)
		}
		add(plan.Place{Target: text, Host: lifecycle.Host{Name: target.Host, Port: target.Port}, Account: target.Account})
	}
	if len(named) > 0 {
		return list, nil
	}
	known, err := c.doorsOf(ctx, key.Fingerprint)
	if err != nil {
		return nil, err
	}
	for _, place := range known {
		host := place.Host
		if host.Name == "" {
			host.Name = "localhost"
		}
		target := plan.Target{Account: place.Account, Host: host.Name, Port: host.Port}.String()
		if _, err := plan.ParseTarget(target); err == nil {
			add(plan.Place{Target: target, Host: host, Account: place.Account, File: place.File})
		}
	}
	for _, place := range c.forgesOf(ctx, key) {
		add(place)
	}
	if len(list) == 0 {
		return nil, problem.With(fmt.Errorf("no place is known where %s opens a door", platform.Escape(plan.Name(key), 60)), "look for them: keybroker inventory --hosts-from known_hosts; or name them: ACCOUNT@HOST")
	}
	return list, nil
}
