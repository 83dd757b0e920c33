package softkeys

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
)

// waitFor polls, because what is waited for happens in another goroutine.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited too long for " + what)
		}
	}
}

// TestSlowOpeningDelaysNobody: one request waits for the person; signing with
// an opened key, listing and finding go on.
func TestSlowOpeningDelaysNobody(t *testing.T) {
	s, k := newStore(t)
	open, closed := generate(t, s, "open"), generate(t, s, "closed")
	mustSign(t, s, open)
	s.vault.Forget() // the key "open" stays opened
	release := k.Block()
	loads := k.Loads()
	slow := make(chan error, 1)
	go func() { slow <- trySign(context.Background(), s, closed, "") }()
	waitFor(t, "the opening", func() bool { return k.Loads() > loads })

	mustSign(t, s, open)
	wantListed(t, s, "closed:sealed open")
	if _, found := s.Find(closed.Blob); !found {
		t.Error("not found")
	}
	select {
	case err := <-slow:
		t.Fatalf("the slow one ended: %v", err)
	default:
	}
	release()
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

// TestOneOpeningForAll: ten requests make one prompt.
func TestOneOpeningForAll(t *testing.T) {
	s, k := newStore(t)
	info := generate(t, s, "a")
	s = again(s)
	release := k.Block()
	loads := k.Loads()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := trySign(context.Background(), s, info, ""); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, "the opening", func() bool { return k.Loads() > loads })
	release()
	wg.Wait()
	if got := k.Loads() - loads; got != 1 {
		t.Errorf("the keychain was asked %d times", got)
	}
}

// TestWaiterGivesUp: a client that hangs up leaves the queue.
func TestWaiterGivesUp(t *testing.T) {
	s, k := newStore(t)
	info := generate(t, s, "a")
	synctest.Test(t, func(t *testing.T) {
		s := again(s)
		release := k.Block()
		ctx, cancel := context.WithCancel(t.Context())
		first, second := startSign(t.Context(), s, info), startSign(ctx, s, info)
		synctest.Wait()
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("the waiter: %v", err)
		}
		release()
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
	})
}

// startSign signs in the background, and returns when that waits.
func startSign(ctx context.Context, s *Store, info keys.Info) <-chan error {
	result := make(chan error, 1)
	go func() { result <- trySign(ctx, s, info, "") }()
	synctest.Wait()
	return result
}

// TestOpenerGivesUp: who waits behind a client that hangs up asks again.
func TestOpenerGivesUp(t *testing.T) {
	s, k := newStore(t)
	info := generate(t, s, "a")
	synctest.Test(t, func(t *testing.T) {
		s := again(s)
		release := k.Block()
		loads := k.Loads()
		ctx, cancel := context.WithCancel(t.Context())
		first, second := startSign(ctx, s, info), startSign(t.Context(), s, info)
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the first: %v", err)
		}
		synctest.Wait()
		if got := k.Loads() - loads; got != 2 {
			t.Errorf("the keychain was asked %d times", got)
		}
		release()
		if err := <-second; err != nil {
			t.Errorf("the second: %v", err)
		}
	})
}

// TestRefusalIsShared: the person who says no once is not asked ten times.
func TestRefusalIsShared(t *testing.T) {
	s := newPassphraseStore(t)
	info := generate(t, s, "a")
	synctest.Test(t, func(t *testing.T) {
		s := again(s)
		asked, say := 0, make(chan struct{})
		s.vault.config.Person = keystest.Asked(func(context.Context, keys.Question) ([]byte, error) {
			asked++
			<-say
			return nil, errors.New("no")
		})
		var results []<-chan error
		for range 10 {
			results = append(results, startSign(t.Context(), s, info))
		}
		close(say)
		for _, result := range results {
			wantError(t, <-result, "no")
		}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// TestForgetDuringOpening: what was on its way is used once and not kept.
func TestForgetDuringOpening(t *testing.T) {
	s, k := newStore(t)
	info := generate(t, s, "a")
	s = again(s)
	release := k.Block()
	loads := k.Loads()
	slow := make(chan error, 1)
	go func() { slow <- trySign(context.Background(), s, info, "") }()
	waitFor(t, "the opening", func() bool { return k.Loads() > loads })
	s.Forget()
	release()
	if err := <-slow; err != nil {
		t.Error(err)
	}
	wantListed(t, s, "a:sealed")
}

// TestForgetVoidsAnOpening: a passphrase that was asked for before Forget opens
// nothing for who comes after it.
func TestForgetVoidsAnOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newPassphraseStore(t)
		info := generate(t, s, "a")
		s = again(s)
		asked, say := 0, make(chan struct{})
		s.vault.config.Person = keystest.Asked(func(context.Context, keys.Question) ([]byte, error) {
			asked++
			<-say
			return []byte(testPassphrase), nil
		})
		before := startSign(t.Context(), s, info)
		s.Forget()
		after := startSign(t.Context(), s, info)
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
		close(say)
		if err := errors.Join(<-before, <-after); err != nil {
			t.Error(err)
		}
		if !s.vault.Opened() {
			t.Error("what was asked for after Forget is not kept")
		}
	})
}

// TestEverythingAtOnce is for the race detector.
func TestEverythingAtOnce(t *testing.T) {
	s, _ := newStore(t)
	infos := []keys.Info{generate(t, s, "a"), generate(t, s, "b")}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 30 {
				err := trySign(context.Background(), s, infos[i%2], "")
				if err != nil && !errors.Is(err, keys.ErrNotFound) {
					t.Error(err)
				}
				s.List()
			}
		})
	}
	for _, do := range []func(){s.Forget, s.RemoveAll, s.Refresh, func() { s.Load() }, func() { s.Remove(infos[0].Blob) }} {
		wg.Go(func() {
			for range 30 {
				do()
			}
		})
	}
	wg.Wait()
	s.Load()
	mustSign(t, s, infos[0])
}

func BenchmarkSignOpened(b *testing.B) {
	s, _ := newStore(b)
	info := generate(b, s, "a")
	mustSign(b, s, info)
	use := &keys.Use{Key: info}
	data := make([]byte, 200)
	for b.Loop() {
		s.Sign(b.Context(), use, data, "ssh-ed25519")
	}
}

func BenchmarkSignerLookup(b *testing.B) {
	s, _ := newStore(b)
	info := generate(b, s, "a")
	mustSign(b, s, info)
	for b.Loop() {
		s.mu.RLock()
		_ = s.opened[string(info.Blob)]
		s.mu.RUnlock()
	}
}
