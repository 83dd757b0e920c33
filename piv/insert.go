package piv

// apply takes over what the watcher saw, and says whether anything changed.
func (r *Readers) apply(states []readerState) (changed bool) {
	r.change(func() (events []Event) {
		seen := map[string]bool{}
		for _, state := range states {
			if !state.unknown {
				seen[state.reader] = true
				events = append(events, r.update(state)...)
			}
		}
		for name, reader := range r.mu.readers {
			if !seen[name] {
				events = append(append(events, reader.out()...), Event{Kind: StateChange})
				delete(r.mu.readers, name)
			}
		}
		changed = len(events) > 0
		return events
	})
	return changed
}

// update takes over what was seen of one reader. The counter shows a card that
// went out and in again between two looks.
func (r *Readers) update(now readerState) (events []Event) {
	one, known := r.mu.readers[now.reader]
	if !known {
		one = &reader{state: ReaderEmpty}
		r.mu.readers[now.reader] = one
		events = append(events, Event{Kind: StateChange})
	}
	if one.present && (!now.present || now.mute || now.inserts != one.inserts) {
		events = append(append(events, one.out()...), Event{Kind: StateChange})
	}
	one.use(now.inUse)
	fresh := now.present && !now.mute && !one.present
	one.inserts, one.present = now.inserts, now.present && !now.mute
	switch {
	case fresh:
		r.insert(now.reader, one)
		events = append(events, Event{Kind: StateChange})
	case now.mute && one.state != ReaderMute:
		one.state = ReaderMute
		events = append(events, Event{Kind: StateChange})
	case !now.present && one.state == ReaderMute:
		one.state = ReaderEmpty
		events = append(events, Event{Kind: StateChange})
	}
	return events
}

// use takes over whether any program is connected to the card. One that nobody is
// at any more was let go by another program if we have not been connected since
// it was free last. Where we have, that is not known; our own use must not count.
func (one *reader) use(now bool) {
	ended := one.inUse && !now
	one.inUse = now
	if now || one.handle == nil {
		return
	}
	connects := one.handle.session.connects.Load()
	if ended && connects == one.connects && one.told {
		select {
		case one.handle.freed <- struct{}{}:
		default:
		}
	}
	one.connects = connects
}

// out forgets the card. Its operations end with ErrRemoved.
func (one *reader) out() (events []Event) {
	if one.handle != nil {
		one.handle.close()
	}
	if one.told {
		events = []Event{{Kind: CardOut, Handle: one.handle}}
	}
	*one = reader{inserts: one.inserts, state: ReaderEmpty}
	return events
}

// insert gives a card that was put in its Handle and has it read.
func (r *Readers) insert(name string, one *reader) {
	lane, ok := r.mu.lanes[name]
	if !ok {
		lane = make(chan struct{}, 1)
		r.mu.lanes[name] = lane
	}
	one.state = ReaderReading
	one.handle = newHandle(name, r.system, &r.exchanges, r.swapped, r.stateChanged)
	handle := one.handle
	r.tasks.Go(func() { r.serve(handle, lane) })
}

// swapped is told when a Handle met another card than its own: what the
// watcher has not seen yet, or a card that was given another number.
func (r *Readers) swapped(h *Handle) {
	r.change(func() []Event {
		one, ok := r.mu.readers[h.Reader()]
		if !ok || one.handle != h {
			return nil
		}
		events := one.out()
		one.present = true
		r.insert(h.Reader(), one)
		return append(events, Event{Kind: StateChange})
	})
}

func (r *Readers) stateChanged() { r.change(func() []Event { return []Event{{Kind: StateChange}} }) }
