package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/wire"
)

var errNotYet = errors.New("it has not been asked yet")

// run reads the list when it is wanted, and reconnects to an agent that was away.
func (s *Source) run(ctx context.Context) {
	defer close(s.ended)
	pause := firstRetry
	for ctx.Err() == nil {
		if served, err := s.follow(ctx); err != nil && ctx.Err() == nil {
			s.markAway(err)
			if served {
				pause = firstRetry
			}
		}
		retry := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-s.wanted:
		case <-retry.C:
			pause = min(2*pause, lastRetry)
		}
		retry.Stop()
	}
}

// want requests a new list, unless the last request is younger than listMaxAge. It does not wait.
func (s *Source) want() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.asked) >= listMaxAge {
		s.asked = now
		s.wake()
	}
}

func (s *Source) wake() {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

// follow keeps one connection open, so that it notices the end of the agent.
func (s *Source) follow(ctx context.Context) (served bool, err error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return false, err
	}
	answers := make(chan []byte)
	go readAll(conn, answers)
	defer func() {
		conn.Close()
		for range answers { // until readAll has ended
		}
	}()
	for {
		edits := s.editsSoFar()
		list, err := readList(ctx, conn, answers)
		if err != nil {
			return served, err
		}
		served = true
		s.put(list, edits)
		select {
		case <-s.wanted:
		case <-answers: // unrequested, or the connection ended
			return served, errEnded
		case <-ctx.Done():
			return served, ctx.Err()
		}
	}
}

func readAll(r io.Reader, answers chan<- []byte) {
	defer close(answers)
	for {
		message, err := wire.ReadFrame(r)
		if err != nil {
			return
		}
		answers <- message
	}
}

var errEnded = problem.New("it has ended or closed the connection", "start it again")

func readList(ctx context.Context, conn net.Conn, answers <-chan []byte) ([]wire.Identity, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, listTimeout, errListTimeout)
	defer cancel()
	if err := conn.SetWriteDeadline(time.Now().Add(listTimeout)); err != nil {
		return nil, err
	}
	if err := wire.WriteFrame(conn, wire.RequestIdentities{}.Marshal()); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case message, ok := <-answers:
		if !ok {
			return nil, errEnded
		}
		reply, _, err := wire.ReplyAndRest(message)
		if err != nil {
			return nil, problem.With(fmt.Errorf("its list cannot be read: %w", err), "update that agent")
		}
		list, ok := reply.(wire.IdentitiesAnswer)
		if !ok {
			return nil, problem.New("it does not list its keys", "is it locked?")
		}
		return list.Identities, nil
	}
}

var errListTimeout = problem.With(fmt.Errorf("it does not answer within %v", listTimeout), "check what it is doing")

func (s *Source) editsSoFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.edits
}

// editedLocked makes put ignore a list that is being read now, and reads another one.
func (s *Source) editedLocked() {
	s.edits++
	s.wake()
}

// put stores a new list, which was requested after that many edits. If there are more by
// now, it may be older than they are. Problems reports the keys that cannot be used.
func (s *Source) put(list []wire.Identity, edits int) {
	infos, unused := s.usable(list)
	s.mu.Lock()
	back := s.away != nil
	if s.edits != edits {
		infos, unused = s.keys, s.unused
	}
	s.forgetExpiredLocked(infos)
	for i := range infos {
		s.limitLocked(&infos[i])
	}
	changed := back || !slices.EqualFunc(s.keys, infos, func(a, b keys.Info) bool {
		return string(a.Blob) == string(b.Blob) && a.Comment == b.Comment
	})
	changed = changed || !slices.Equal(s.unused, unused)
	s.keys, s.unused, s.away = infos, unused, nil
	s.mu.Unlock()
	s.endFirst()
	if back {
		s.config.Log.Info("another agent is available", "agent", s.config.Name, "keys", len(infos))
	}
	if changed {
		s.config.Changed()
	}
}

// usable returns the keys that can be used, and why the others cannot.
func (s *Source) usable(list []wire.Identity) (infos []keys.Info, unused []string) {
	for _, one := range list[:min(len(list), maxKeys)] {
		info, err := infoOf(one)
		if err != nil {
			unused = append(unused, err.Error())
			continue
		}
		info.Source = s.Name()
		infos = append(infos, info)
	}
	if more := len(list) - maxKeys; more > 0 {
		unused = append(unused, fmt.Sprintf("%d keys beyond the limit of %d for one agent", more, maxKeys))
	}
	return infos, unused
}

// markAway records why the agent is away.
func (s *Source) markAway(why error) {
	s.mu.Lock()
	changed := s.away == nil || s.away.Error() != s.wrap(why).Error()
	s.away = s.wrap(why)
	s.mu.Unlock()
	s.endFirst()
	if changed {
		s.config.Log.Warn("another agent cannot be reached", "agent", s.config.Name, "why", why)
		s.config.Changed()
	}
}

func (s *Source) wrap(err error) error { return fmt.Errorf("%s: %w", s.Name(), err) }

// endFirst closes first, once. Only run's goroutine calls it.
func (s *Source) endFirst() {
	select {
	case <-s.first:
	default:
		close(s.first)
	}
}
