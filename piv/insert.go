package piv

// apply applies what the watcher saw, and says whether anything changed.
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

// update applies the state of one reader. The counter reveals a card that was
// removed and inserted between two looks.
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

// use records whether any program is connected to the card. When that ends, and we
// have not connected since the card was last free, another program has released
// it. If we have connected, we cannot tell, and our own use must not count.
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

// out forgets a removed card. Its operations end with ErrRemoved.
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

// insert makes the Handle of an inserted card and starts to read it.
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

// swapped is called when a Handle meets a card that is not its own: the watcher has
// not seen the exchange yet, or the card got another number.
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
