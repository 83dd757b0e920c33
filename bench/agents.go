//go:build linux

package main

import "github.com/keybroker/keybroker/bench/internal/gauge"

// kind is one of the programs that are compared.
type kind struct {
	gauge.Kind
	idle int // idle connections to hold open
}

// agent is one running program.
type agent struct {
	*gauge.Program
	kind kind
}

func sshAgentKind(path string) kind {
	// 10,000 take it minutes: each request costs a poll over all of them.
	return kind{gauge.SSHAgent(path), 1_000}
}

func keybrokerKind(path, durability string) kind {
	return kind{gauge.Keybroker(path, "[audit]\ndurability = \""+durability+"\"\n"), idleSize}
}

func askingKind(path, config string, env ...string) kind {
	return kind{gauge.AskingKeybroker(path, config).With(env...), idleSize}
}

func start(k kind) (*agent, error) {
	program, err := gauge.Start(k.Kind)
	if err != nil {
		return nil, err
	}
	return &agent{program, k}, nil
}
