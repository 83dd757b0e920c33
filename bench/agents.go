//go:build linux

package main

import "github.com/keybroker/keybroker/bench/internal/gauge"

// kind is one of the programs that are compared.
type kind struct {
	gauge.Kind
	idle  int    // idle connections to hold open
	tray  bool   // measure the tray, not the broker
	floor bool   // it answers, and does no more
	path  string // of keybroker
}

// agent is one running program.
type agent struct {
	*gauge.Program
	kind kind
}

func sshAgentKind(path string) kind {
	// 10,000 take it minutes: each request costs a poll over all of them.
	return kind{Kind: gauge.SSHAgent(path), idle: 1_000}
}

func keybrokerKind(path, durability string) kind {
	return keybrokerWith(path, "[audit]\ndurability = \""+durability+"\"\n")
}

func keybrokerWith(path, config string) kind {
	return kind{Kind: gauge.Keybroker(path, config), idle: idleSize, path: path}
}

// activated is k, started for the first connection by what stands in for a socket unit.
func activated(k kind) kind {
	k.Kind = k.ByFirstConnection()
	return k
}

// trayKind is a broker and its tray.
func trayKind(path string) kind {
	k := keybrokerKind(path, "process")
	k.tray, k.Name = true, "tray"
	return k
}

func askingKind(path, config string, env ...string) kind {
	return kind{Kind: gauge.AskingKeybroker(path, config).With(env...), idle: idleSize}
}

func start(k kind) (*agent, error) {
	program, err := gauge.Start(k.Kind)
	if err != nil {
		return nil, err
	}
	return &agent{program, k}, nil
}
