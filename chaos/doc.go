// Package chaos runs the real daemon under load while what it needs fails: cards are
// pulled, the disk fills, hangs and turns read-only, the keychain and the prompts die,
// clients misbehave, and the daemon itself is killed. After each fault everything must
// work again. At the end the audit log must hold each signature that a client got.
//
//	go test ./chaos                                          # six seconds, as in make test
//	go test ./chaos -count=1 -timeout 0 -v -chaos.time 10m   # as in make chaos
//	go test ./chaos -count=1 -v -chaos.seed 7                # the faults of an earlier run, in their order
//
// The files:
//
//	chaos_test.go    the run: rounds of faults, and the table
//	world_test.go    what the daemon lives in: its files, disk, keychain and card
//	daemon_test.go   the daemon, and how it is started again
//	load_test.go     the clients, and what they were given
//	faults_test.go   the faults of the machine and of the broker's helpers
//	disk_test.go     the faults of the disk
//	clients_test.go  the faults of clients: programs of their own, which misbehave
//	ledger_test.go   what must hold at the end
package chaos
