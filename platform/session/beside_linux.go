package session

import (
	"context"
	"sync"
)

// beside makes calls while a loop handles signals, which must never wait for a call: a
// service that does not answer would hide what the others report. The loop handles each
// result.
type beside struct {
	ctx    context.Context
	end    context.CancelFunc
	calls  sync.WaitGroup
	found  chan func()                   // unbuffered
	latest map[string]context.CancelFunc // by name: ends the call that runs
}

func newBeside(ctx context.Context) *beside {
	b := &beside{found: make(chan func()), latest: map[string]context.CancelFunc{}}
	b.ctx, b.end = context.WithCancel(ctx)
	return b
}

// do runs call in the background and cancels an earlier call with the same name.
// The loop runs the returned function; last is false if a newer call replaced it.
func (b *beside) do(name string, call func(context.Context) func(last bool)) {
	b.drop(name)
	ctx, end := context.WithCancel(b.ctx)
	b.latest[name] = end
	b.calls.Go(func() {
		then := call(ctx)
		b.found <- func() { then(ctx.Err() == nil); end() }
	})
}

// drop cancels the running call with that name, if there is one.
func (b *beside) drop(name string) {
	if end := b.latest[name]; end != nil {
		end()
	}
}

// dropAll ends all calls that run.
func (b *beside) dropAll() {
	for name := range b.latest {
		b.drop(name)
	}
	clear(b.latest)
}

// close ends every call and handles the results: some must be given back.
func (b *beside) close() {
	b.end()
	go func() { b.calls.Wait(); close(b.found) }()
	for then := range b.found {
		then()
	}
}
