package agent

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// Connections: a program that leaks them, or a host that opens them through a
// forwarding ssh, leaves room for others; so do all programs of a container,
// behind a separate socket.
const (
	// MaxConnections bounds what one user's programs can hold open: 12,000 idle
	// ones cost about 100 MiB. Where the process may have fewer files open, there
	// are fewer: it keeps spareFiles for keys, prompts, the log and helpers.
	MaxConnections = 12_000
	spareFiles     = 256
	// Of them, one client program has at most processPart, which are 6,000, and
	// one separate socket has socketPart, which are 1,000.
	processPart = 6.0 / 12
	socketPart  = 1.0 / 12
	// reservedPart, which are 2,000, is kept for programs that hold fewer than
	// fewConnections, so that two programs with as many as they get leave room for
	// the others.
	reservedPart   = 2.0 / 12
	fewConnections = 16
	// maxNewcomers bounds the connections that were accepted and count for no program
	// yet. Further ones wait in the system's queue. Otherwise a program that opens and
	// closes connections faster than they are looked at fills all places.
	maxNewcomers = 64
	// maxTurningAway bounds the connections that are turned away with a look at the
	// program and a record, which a program can make slow. Further ones end at once.
	maxTurningAway = 16
)

// What clients can make the agent hold: requests that wait, lists that nobody
// reads, sessions that were bound. Without a budget, 60 connections whose client
// reads nothing held 1.85 GB. What is over its budget is refused or waits; what
// is within freeBytes never is, so that the usual request of one client (a
// list, a signature: under 1 KiB) does not depend on the others.
const (
	// freeBytes of each connection count for nobody else: 47 MiB for the most
	// connections that there can be.
	freeBytes = 4 << 10
	// MaxConnectionBytes is two of the largest requests. A connection whose
	// requests fill it is not read on until one is answered.
	MaxConnectionBytes = 2 * 256 << 10
	// MaxProcessBytes, MaxSocketBytes and MaxTotalBytes bound what is held beyond
	// the free bytes, of one client program, of one socket, and of all. Each
	// leaves room in the next one for others. The largest honest need is a list
	// of 2048 keys, 512 KiB with its copy, for each connection that has it read.
	MaxProcessBytes = 8 << 20
	MaxSocketBytes  = 32 << 20
	MaxTotalBytes   = 96 << 20
)

const (
	// readTime is how long the rest of a request that counts may take to arrive.
	readTime = time.Minute
	// writeTime is how long a client may at least leave an answer unread once the
	// system holds no more for it (at most twice that): 256 KiB over a link of
	// 2 KiB a second.
	writeTime = 2 * time.Minute
	// sendBuffer is what the system holds of unread answers, for each
	// connection, in memory that counts for the daemon: its default would be
	// 208 KiB, 2.5 GB for all of them.
	sendBuffer = 16 << 10
)

// budgets counts what all connections hold.
type budgets struct {
	mu       sync.Mutex // guards what follows
	room     sync.Cond  // bytes were given back
	most     int        // connections that there may be
	held     int        // connections
	total    int        // bytes
	programs map[program]*share
	sockets  map[string]*share
}

// program is one client, as far as budgets tell programs apart. All those that
// could not be identified are one.
type program struct {
	user  string
	pid   int
	start uint64
}

func programOf(peer platform.Peer) program { return program{peer.User, peer.PID, peer.Start} }

// share is what one client, or all those on one socket, have taken.
type share struct{ bytes, connections int }

func newBudgets() *budgets {
	most := max(min(MaxConnections, platform.MaxOpenFiles()-spareFiles), 1)
	b := &budgets{most: most, programs: make(map[program]*share), sockets: make(map[string]*share)}
	b.room.L = &b.mu
	return b
}

// account is what one connection holds.
type account struct {
	budgets *budgets // nil: it was not opened
	program program
	socket  string
	mine    *share
	ours    *share
	used    atomic.Int64 // bytes
}

// open makes the account of a connection; false: its client, its socket or all
// programs have too many connections.
func (b *budgets) open(a *account, who program, socket string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	mine, ours := shareOf(b.programs, who), shareOf(b.sockets, socket)
	free := b.most - b.held
	switch {
	case mine.connections >= part(b.most, processPart),
		socket != "" && ours.connections >= part(b.most, socketPart),
		free <= 0,
		free <= part(b.most, reservedPart) && mine.connections >= fewConnections:
		b.forgetLocked(who, socket)
		return false
	}
	b.held++
	mine.connections++
	ours.connections++
	a.budgets, a.program, a.socket, a.mine, a.ours = b, who, socket, mine, ours
	return true
}

func shareOf[K comparable](of map[K]*share, who K) *share {
	if of[who] == nil {
		of[who] = new(share)
	}
	return of[who]
}

func part(of int, share float64) int { return max(int(math.Round(float64(of)*share)), 1) }

// close gives everything back.
func (a *account) close() {
	b := a.budgets
	if b == nil {
		return
	}
	a.give(int(a.used.Load()))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held--
	a.mine.connections--
	a.ours.connections--
	b.forgetLocked(a.program, a.socket)
}

// forgetLocked forgets a client and a socket that hold nothing.
func (b *budgets) forgetLocked(who program, socket string) {
	if b.programs[who].connections == 0 {
		delete(b.programs, who)
	}
	if b.sockets[socket].connections == 0 {
		delete(b.sockets, socket)
	}
}

// counted is how many of the bytes of a connection the others have to do without.
func counted(used int64) int { return int(max(used-freeBytes, 0)) }

// take is false when n bytes more would be over a budget.
func (a *account) take(n int) bool {
	used := a.used.Add(int64(n))
	more := counted(used) - counted(used-int64(n))
	if more == 0 {
		return true
	}
	a.budgets.mu.Lock()
	defer a.budgets.mu.Unlock()
	return a.takeLocked(n, more)
}

// takeLocked takes n bytes back again, of which more counted, where they are too many.
func (a *account) takeLocked(n, more int) bool {
	a.addLocked(more)
	if a.mine.bytes <= MaxProcessBytes && a.ours.bytes <= MaxSocketBytes && a.budgets.total <= MaxTotalBytes {
		return true
	}
	used := a.used.Add(-int64(n))
	a.addLocked(counted(used) - counted(used+int64(n)))
	return false
}

func (a *account) addLocked(n int) {
	a.mine.bytes += n
	a.ours.bytes += n
	a.budgets.total += n
}

// give gives n bytes back.
func (a *account) give(n int) {
	used := a.used.Add(-int64(n))
	less := counted(used) - counted(used+int64(n))
	if less == 0 {
		return
	}
	a.budgets.mu.Lock()
	defer a.budgets.mu.Unlock()
	a.addLocked(less)
	a.budgets.room.Broadcast()
}

// wait is take that waits for others to give back enough; false: ctx ended.
func (a *account) wait(ctx context.Context, n int) bool {
	if a.take(n) {
		return true
	}
	b := a.budgets
	defer context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.room.Broadcast()
	})()
	b.mu.Lock()
	defer b.mu.Unlock()
	for ctx.Err() == nil {
		used := a.used.Add(int64(n))
		if a.takeLocked(n, counted(used)-counted(used-int64(n))) {
			return true
		}
		b.room.Wait()
	}
	return false
}
