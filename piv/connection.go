package piv

import "errors"

// What runs in a session's worker: all calls of PC/SC.

// hold gets a transaction. fresh says that it is on a new connection. A connection
// that died by a removal is made once more; of a reset begin must know. When the
// service ended the Handle has, too: the watcher sees to that.
func (s *session) hold() (fresh bool, err error) {
	for range 2 {
		if fresh = s.card == nil; fresh {
			err = s.connect()
		}
		if err == nil {
			err = s.beginTransaction()
		}
		if err == nil || errors.Is(err, ErrReset) || errors.Is(err, ErrBusy) || errors.Is(err, ErrNoService) {
			break
		}
	}
	return fresh, err
}

func (s *session) connect() (err error) {
	if s.context == nil {
		if s.context, err = s.system.establish(); err != nil {
			s.context = nil
			return err
		}
	}
	s.connects.Add(1) // first: the watcher may see the use before connect returns
	if s.card, err = s.context.connect(s.reader); err != nil {
		s.card = nil
	}
	return err
}

// beginTransaction gives up a connection on which it fails.
func (s *session) beginTransaction() error {
	if s.holding {
		return nil
	}
	err := s.card.begin()
	s.holding = err == nil
	if errors.Is(err, ErrReset) {
		s.login.over() // another reset would only hit the next program
	}
	if err != nil {
		s.disconnect()
	}
	return err
}

// errNoTransaction is a command outside of Do.
var errNoTransaction = errors.New("no transaction with the card")

func (s *session) transmit(command []byte) (response []byte, err error) {
	if !s.holding {
		return nil, errNoTransaction
	}
	s.sent.timed(func() { response, err = s.card.transmit(command) })
	if err != nil {
		s.lost.Store(true)
	}
	if errors.Is(err, ErrReset) {
		s.login.over()
	}
	return response, err
}

// end lets other programs in.
func (s *session) end() {
	if s.holding && s.card.end() != nil {
		s.lost.Store(true)
	}
	s.holding = false
	if s.lost.Load() {
		s.disconnect()
	}
	if s.card != nil {
		s.idle.Reset(releaseAfter)
	}
}

// disconnect lets the card go. A PIN of ours that is still in it goes with a reset.
func (s *session) disconnect() {
	if s.card != nil {
		s.card.disconnect(s.login.over())
	}
	s.card, s.holding = nil, false
	s.lost.Store(false)
}

// hangUp is the worker's last act.
func (s *session) hangUp() {
	s.idle.Stop()
	if s.holding {
		_ = s.card.end()
	}
	s.disconnect()
	if s.context != nil {
		s.context.release()
	}
}
