package broker

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/sources/upstream"
)

// firstLists is how long the start waits for the lists of other agents, so that
// the program whose request started the broker sees their keys too.
const firstLists = time.Second

// upstreams is the other agents, in the order of the configuration.
type upstreams []*upstream.Source

func (b *Broker) newUpstreams() (list upstreams) {
	var own []string
	for _, listener := range b.listeners {
		own = append(own, listener.Addr().String())
	}
	for _, u := range b.config.Upstreams {
		c := upstream.Config{Name: u.Name, Own: own, Changed: b.feed.Changed, Log: b.log}
		var err error
		if c.Path, err = config.Expand(u.Path); err != nil {
			c.Missing = err.Error()
		}
		list = append(list, upstream.New(c))
	}
	ctx, cancel := context.WithTimeout(context.Background(), firstLists)
	defer cancel()
	for _, u := range list {
		select {
		case <-u.First():
		case <-ctx.Done():
		}
	}
	return list
}

// withUpstreams puts the one that takes ssh-add's keys before all the broker's own,
// and the others behind: of a key that is in both, ours signs.
func (b *Broker) withUpstreams(own ...keys.Source) []keys.Source {
	for i, u := range b.upstreams {
		if b.config.Upstreams[i].Add {
			own = append([]keys.Source{upstream.Adding{Source: u}}, own...)
		} else {
			own = append(own, u)
		}
	}
	return own
}

// keys lists also those that are away and those that were hidden.
func (list upstreams) keys() []control.Key {
	var all []control.Key
	for _, u := range list {
		infos, hidden := u.All()
		for _, info := range infos {
			key := control.KeyOf(info)
			key.Hidden = hidden(info)
			all = append(all, key)
		}
	}
	return all
}

func (list upstreams) show() {
	for _, u := range list {
		u.Show()
	}
}

func (list upstreams) close() {
	for _, u := range list {
		u.Close()
	}
}

// serveSockets serves the sockets of their own; failed gets how each ends.
func (b *Broker) serveSockets(failed chan<- error) {
	for _, s := range b.config.Sockets {
		go func(name string, listener net.Listener) { failed <- b.server.ServeSocket(name, listener) }(s.Name, b.listeners[s.Name])
	}
}

// socketList is for the status.
func (b *Broker) socketList() (list []control.Socket) {
	for _, s := range b.config.Sockets {
		view := s.View()
		keys := "all keys"
		if view.Keys != nil {
			keys = "keys " + strings.Join(view.Keys, ", ")
		}
		list = append(list, control.Socket{Name: s.Name, Path: b.listeners[s.Name].Addr().String(), Keys: keys, ReadOnly: view.ReadOnly})
	}
	return list
}
