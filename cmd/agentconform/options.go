package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/conformance"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// options are the flags.
type options struct {
	cli.Output
	start       string
	profile     string
	format      string
	only        []string
	list        bool
	addKeys     bool
	destructive bool
	patience    time.Duration
}

// defaultPatience is how long an answer may take: a busy machine, or an agent that
// delays on purpose after a wrong passphrase.
const defaultPatience = 20 * time.Second

func (o *options) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.start, "start", "", "start the agent with this command of the shell, in a directory of its own")
	f.StringVar(&o.profile, "profile", "", "file that says which rules the agent chooses not to keep")
	o.format = "table"
	cli.ChoiceFlag(cmd, &o.format, "format", "", "table, tap, junit or json", "table", "tap", "junit", "json")
	f.StringArrayVar(&o.only, "only", nil, "try only this rule, or those of a pattern such as 'sign-*' (may be repeated)")
	f.BoolVar(&o.list, "list", false, "list the rules, and try none")
	f.BoolVar(&o.addKeys, "add-keys", false, "try also rules that add test keys to a running agent and remove them again")
	f.BoolVar(&o.destructive, "destructive", false, "try also rules that remove all keys of a running agent, lock or exhaust it")
	f.DurationVar(&o.patience, "timeout", defaultPatience, "how long an answer may take")
	f.BoolVar(&o.Wide, "wide", false, "do not fit rows to the width of the terminal")
	_ = cmd.MarkFlagFilename("profile")
}

func (o *options) run(cmd *cobra.Command, args []string) error {
	rules, err := o.rules()
	if err != nil {
		return cli.Usage(err)
	}
	if o.list {
		return o.printRules(cmd, rules)
	}
	profile, err := o.readProfile()
	if err != nil {
		return cli.Usage(err)
	}
	agent, err := o.agent(cmd.Context(), args)
	if err != nil {
		return err
	}
	defer agent.Close()
	printer := o.printer(cmd.OutOrStdout(), len(rules))
	results, err := conformance.Run(cmd.Context(), agent, rules, conformance.Options{
		May: o.may(), Patience: o.patience, Profile: profile, Done: printer.one})
	if err = errors.Join(err, printer.end(results)); err != nil {
		return err
	}
	if conformance.Count(results).MustFailed > 0 {
		return cli.ExitStatus(cli.ExitFailed)
	}
	return nil
}

// may is what the agent may be put through.
func (o *options) may() conformance.Effect {
	switch {
	case o.start != "" || o.destructive:
		return conformance.Destroys
	case o.addKeys:
		return conformance.Adds
	default:
		return conformance.Reads
	}
}

// rules are those of --only.
func (o *options) rules() ([]conformance.Rule, error) {
	all := conformance.Rules()
	if len(o.only) == 0 {
		return all, nil
	}
	found := map[string]bool{}
	var rules []conformance.Rule
	for _, rule := range all {
		for _, pattern := range o.only {
			if ok, err := path.Match(pattern, rule.Name); ok && err == nil {
				if found[pattern] = true; len(rules) == 0 || rules[len(rules)-1].Name != rule.Name {
					rules = append(rules, rule)
				}
			}
		}
	}
	for _, pattern := range o.only {
		if !found[pattern] {
			return nil, problem.New(fmt.Sprintf("there is no rule %q", platform.Escape(pattern, 64)), "see the rules: agentconform --list")
		}
	}
	return rules, nil
}

func (o *options) readProfile() (conformance.Profile, error) {
	if o.profile == "" {
		return nil, nil
	}
	file, err := os.Open(o.profile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	profile, err := conformance.ReadProfile(file, conformance.Rules())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.profile, err)
	}
	return profile, nil
}
