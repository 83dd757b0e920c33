package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/forge"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// isForge tells the address of a forge from ACCOUNT@HOST and ssh://.
func isForge(place string) bool {
	return strings.HasPrefix(place, "https://") || strings.HasPrefix(place, "http://")
}

// forgePlace is the place at a forge of [[forge]].
func (c *carrier) forgePlace(address string) (plan.Place, error) {
	for _, f := range c.config.Forges {
		if place := placeAt(f); place.Target == strings.TrimRight(address, "/") {
			return place, nil
		}
	}
	return plan.Place{}, problem.With(fmt.Errorf("%s is not a forge of your configuration", platform.Escape(address, 100)), "add it to config.toml: [[forge]] with kind and url")
}

func placeAt(f config.Forge) plan.Place {
	address := strings.TrimRight(f.URL, "/")
	_, host, _ := strings.Cut(address, "://")
	host, _, _ = strings.Cut(host, "/")
	name, _, _ := strings.Cut(host, ":")
	return plan.Place{Target: address, Host: lifecycle.Host{Name: name}, Forge: f.Kind + " " + address}
}

// openForge opens the account of a place. The token goes only to a forge that the user's
// configuration names: a plan may come from somebody else.
func (c *carrier) openForge(ctx context.Context, place plan.Place) (*forge.Forge, error) {
	at := slices.IndexFunc(c.config.Forges, func(f config.Forge) bool { return placeAt(f).Forge == place.Forge })
	if at < 0 {
		_, err := c.forgePlace(place.Target)
		if err == nil {
			err = problem.With(fmt.Errorf("%s is a forge of another kind in your configuration", platform.Escape(place.Target, 100)), "make the plan anew")
		}
		return nil, err
	}
	f := c.config.Forges[at]
	flags := forgeFlags{kind: f.Kind, url: strings.TrimRight(f.URL, "/"), tokenFile: f.TokenFile}
	return flags.open(ctx)
}

// forgesOf are the forges that list the key. One that does not answer is among them, so
// that the plan says why.
func (c *carrier) forgesOf(ctx context.Context, key lifecycle.Key) (places []plan.Place) {
	for _, f := range c.config.Forges {
		place := placeAt(f)
		account, err := c.openForge(ctx, place)
		var list []forge.Key
		if err == nil {
			list, err = account.List(ctx)
		}
		if err != nil || slices.ContainsFunc(list, func(k forge.Key) bool { return k.Fingerprint == key.Fingerprint }) {
			places = append(places, place)
		}
	}
	return places
}

// noRestrictions refuses what a forge cannot hold a key to.
func noRestrictions(r plan.Restriction, places []string) error {
	at := slices.IndexFunc(places, isForge)
	if at < 0 || r.From == "" && r.Command == "" && r.Template == "" {
		return nil
	}
	return cli.Usage(problem.With(fmt.Errorf("%s takes no restrictions of a key", platform.Escape(places[at], 100)), "leave --from, --command and --template out for a forge"))
}

// mustBePlanned refuses a change at once that the machine's owner wants to be approved.
func (c *carrier) mustBePlanned(kind plan.Kind, key, address string) error {
	wanted, err := c.approvals()
	if err == nil && wanted.Need(kind) {
		err = cli.Refused(problem.New(fmt.Sprintf("the machine's owner asks for an approval before a plan to %s a key", kind),
			fmt.Sprintf("write a plan and let it be approved: keybroker plan %s %s %s", kind, platform.ShellWord(key), platform.ShellWord(address))))
	}
	return err
}
