package keys

import (
	"errors"
	"fmt"
	"slices"
)

// Ring combines all sources in a fixed order. A key that two sources hold belongs to
// the first of them.
type Ring struct {
	sources []Source
}

// NewRing makes a ring of sources.
func NewRing(sources ...Source) *Ring { return &Ring{sources: sources} }

// List returns every key once, in the order of the sources, unless an Arranger among
// them changes it.
func (r *Ring) List() []Info {
	if len(r.sources) == 1 {
		return r.sources[0].List()
	}
	lists, count := make([][]Info, len(r.sources)), 0
	for i, source := range r.sources {
		lists[i] = source.List()
		count += len(lists[i])
	}
	all, seen := make([]Info, 0, count), make(map[string]bool, count)
	for _, list := range lists {
		for _, info := range list {
			if !seen[string(info.Blob)] {
				seen[string(info.Blob)] = true
				all = append(all, info)
			}
		}
	}
	for _, source := range r.sources {
		if arranger, ok := source.(Arranger); ok {
			all = arranger.Arrange(all)
		}
	}
	return all
}

// Find returns the key with this blob and the source that signs with it.
func (r *Ring) Find(blob []byte) (Info, Source, bool) {
	for _, source := range r.sources {
		if info, ok := source.Find(blob); ok {
			return info, source, true
		}
	}
	return Info{}, nil, false
}

// FindInAll is Find, but always asks every source. So a client cannot tell from the
// time whether a key is hidden or missing.
func (r *Ring) FindInAll(blob []byte) (found Info, source Source, ok bool) {
	for _, s := range r.sources {
		if info, has := s.Find(blob); has && !ok {
			found, source, ok = info, s, true
		}
	}
	return found, source, ok
}

// Add adds a key to the first source that accepts keys.
func (r *Ring) Add(key Added) (Info, error) {
	for _, source := range r.sources {
		if adder, ok := source.(Adder); ok {
			return adder.Add(key)
		}
	}
	return Info{}, errors.New("no source accepts keys")
}

// Remove removes a key from every source that holds it. Otherwise the next source's
// copy would appear.
func (r *Ring) Remove(blob []byte) error {
	found, fixed := false, ""
	for _, source := range r.sources {
		remover, ok := source.(Remover)
		if !ok {
			if _, has := source.Find(blob); has {
				fixed = source.Name()
			}
			continue
		}
		switch err := remover.Remove(blob); {
		case err == nil:
			found = true
		case !errors.Is(err, ErrNotFound):
			return err
		}
	}
	if fixed != "" {
		return fmt.Errorf("the keys of %s cannot be removed from the list", fixed)
	}
	if !found {
		return ErrNotFound
	}
	return nil
}

// RemoveAll removes every key that can be removed.
func (r *Ring) RemoveAll() {
	for _, source := range r.sources {
		if remover, ok := source.(Remover); ok {
			remover.RemoveAll()
		}
	}
}

// Forget drops all opened secrets that can be opened again.
func (r *Ring) Forget() {
	for _, source := range r.sources {
		if forgetter, ok := source.(Forgetter); ok {
			forgetter.Forget()
		}
	}
}

// Sources returns the sources in their order.
func (r *Ring) Sources() []Source { return slices.Clone(r.sources) }
