package broker

import (
	"context"
	"log/slog"
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

// newUpstreams connects to them. own are the broker's own sockets, which it refuses as
// upstreams.
func newUpstreams(configured []config.Upstream, own []string, changed func(), log *slog.Logger) (list upstreams) {
	for _, u := range configured {
		c := upstream.Config{Name: u.Name, Own: own, Changed: changed, Log: log}
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

// around puts the agent that takes ssh-add's keys before the broker's own sources, and
// the others behind them: when both have the same key, the broker's own signs.
func (list upstreams) around(own []keys.Source, configured []config.Upstream) []keys.Source {
	for i, u := range list {
		if configured[i].Add {
			own = append([]keys.Source{upstream.Adding{Source: u}}, own...)
		} else {
			own = append(own, u)
		}
	}
	return own
}

// keys also lists the keys of agents that are away, and hidden keys.
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

func (list upstreams) problems() (all []error) {
	for _, u := range list {
		all = append(all, u.Problems()...)
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
