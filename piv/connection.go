package piv

import "errors"

// The calls of PC/SC, which run in a session's worker.

// hold begins a transaction. fresh says whether it is on a new connection. After a
// removal it connects once more. It reports a reset, which begin must handle. When
// the service ends, the watcher ends the Handle.
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
	s.connects.Add(1) // before connect: the watcher may see the use before it returns
	if s.card, err = s.context.connect(s.reader); err != nil {
		s.card = nil
	}
	return err
}

// beginTransaction disconnects if it fails.
func (s *session) beginTransaction() error {
	if s.holding {
		return nil
	}
	err := s.card.begin()
	s.holding = err == nil
	if errors.Is(err, ErrReset) {
		s.login.over() // so that disconnect does not reset the card again, under the next program
	}
	if err != nil {
		s.disconnect()
	}
	return err
}

// errNoTransaction means that a command was sent outside of Do.
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

// end ends the transaction, so that other programs can use the card.
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

// disconnect releases the card. It resets the card if only we gave it its PIN.
func (s *session) disconnect() {
	if s.card != nil {
		s.card.disconnect(s.login.over())
	}
	s.card, s.holding = nil, false
	s.lost.Store(false)
}

// hangUp is the worker's last call.
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
