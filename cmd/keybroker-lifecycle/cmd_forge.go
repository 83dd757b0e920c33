package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/lifecycle/forge"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// forgeFlags say which forge, and where its token is.
type forgeFlags struct {
	kind, url, tokenFile string
}

func newForgeCommand(a *app) *cobra.Command {
	var f forgeFlags
	cmd := &cobra.Command{
		Use:   "forge",
		Short: "List, add and delete your keys at GitHub, GitLab, Gitea or Forgejo",
		Long: `List, add and delete the SSH keys of your account at a forge, by its HTTP interface.

The token comes from the file of --token-file, which only you may read, or from git's
credential helper, and so from the system's keychain:

  git credential approve   (protocol=https, host=git.example.com, password=TOKEN)

GitLab, Gitea and Forgejo say when a key was last used; GitHub does not. To end a key at
hosts and forges together, resumable and with a proof: keybroker terminate, rotate.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&f.kind, "forge", "", keys.Alternatives(forge.Kinds)+" (gitea is Forgejo too)")
	cli.CompleteFixed(cmd, "forge", forge.Kinds...)
	cmd.PersistentFlags().StringVar(&f.url, "url", "", "address of the forge: https://git.example.com (default for github: https://github.com)")
	cmd.PersistentFlags().StringVar(&f.tokenFile, "token-file", "", "file with the token (default: git's credential helper)")
	cmd.AddCommand(newForgeListCommand(a, &f), newForgeAddCommand(a, &f), newForgeDeleteCommand(a, &f))
	return cmd
}

// maxToken bounds a token, in bytes.
const maxToken = 4096

func (f *forgeFlags) open(ctx context.Context) (*forge.Forge, error) {
	if f.kind == "" {
		return nil, cli.Usage(problem.New("--forge is missing", "give one: --forge "+keys.Alternatives(forge.Kinds)))
	}
	if !slices.Contains(forge.Kinds, f.kind) {
		return nil, cli.Usage(problem.With(fmt.Errorf("%.40q is no kind of forge", f.kind), "give one: --forge %s", keys.Alternatives(forge.Kinds)))
	}
	address := f.url
	if address == "" && f.kind == string(forge.GitHub) {
		address = "https://github.com"
	}
	token, err := f.token(ctx, address)
	if err != nil {
		return nil, err
	}
	return forge.New(forge.Kind(f.kind), address, token)
}

func (f *forgeFlags) token(ctx context.Context, address string) (string, error) {
	if f.tokenFile != "" {
		data, err := platform.ReadPrivate(f.tokenFile, maxToken)
		return strings.TrimSpace(string(data)), err
	}
	scheme, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	if host == "" || strings.ContainsAny(host+scheme, "\r\n") {
		return "", cli.Usage(problem.New("--url is missing", "give the address of the forge: --url https://git.example.com"))
	}
	cmd := platform.Command(ctx, "git", "credential", "fill")
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=")
	cmd.Stdin = strings.NewReader("protocol=" + scheme + "\nhost=" + host + "\n\n")
	out, err := cmd.Output()
	defer clear(out)
	for line := range bytes.Lines(out) {
		if token, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("password=")); err == nil && ok {
			return string(token), nil
		}
	}
	return "", problem.New("there is no token for "+host, "put it into a file that only you may read and give --token-file, or let git's credential helper keep it")
}

func newForgeListCommand(a *app, f *forgeFlags) *cobra.Command {
	return a.TableFlags(&cobra.Command{
		Use:     "list",
		Short:   "List the keys of your account at a forge, with their last use",
		Example: `  keybroker forge list --forge gitea --url https://git.example.com --token-file token`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := f.open(cmd.Context())
			if err != nil {
				return err
			}
			list, err := at.List(cmd.Context())
			if err != nil {
				return err
			}
			return a.PrintList(cmd, list, len(list), "The account has no SSH keys at "+at.Host()+".", func(w *cli.Table) {
				w.Head("ID", "TITLE", "FINGERPRINT", "ADDED", "LAST USED")
				for _, key := range list {
					w.Row(key.ID, platform.Escape(key.Title, 60), key.Fingerprint, day(key.Added, ""), lastUse(key))
				}
			})
		},
	})
}

func lastUse(key forge.Key) string {
	switch {
	case !key.LastUsed.IsZero():
		return day(key.LastUsed, "")
	case key.TellsLastUse:
		return "never"
	}
	return "not known"
}

func newForgeAddCommand(a *app, f *forgeFlags) *cobra.Command {
	var title, expires string
	c := &carrier{app: a}
	cmd := &cobra.Command{
		Use:               "add KEY",
		Short:             "Add a key to your account at a forge",
		Example:           `  keybroker forge add work --forge github --title laptop`,
		ValidArgsFunction: c.completeKeys,
		Args:              cli.ExactArgs(1),
		RunE: c.with(func(cmd *cobra.Command, args []string) error {
			at, err := f.open(cmd.Context())
			if err != nil {
				return err
			}
			key, err := c.findNew(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := c.mustBePlanned(plan.Provision, args[0], f.url); err != nil {
				return err
			}
			if _, err := c.mayComeIn(cmd.Context(), key); err != nil {
				return err
			}
			end, err := until(expires, time.Now())
			if err != nil {
				return cli.Usage(err)
			}
			if title == "" {
				title = plan.Name(key)
			}
			added, err := at.Add(cmd.Context(), title, plan.Line(key), end)
			c.recordForge(cmd, "forge-add", key.Fingerprint, at.Host(), err)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s has the key %s as number %s.\n", at.Host(), key.Fingerprint, added.ID)
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&title, "title", "", "name of the key at the forge (default: the key's name)")
	cmd.Flags().StringVar(&expires, "expires", "", "until when: a date, or for how long (180d); GitLab alone")
	return cmd
}

func newForgeDeleteCommand(a *app, f *forgeFlags) *cobra.Command {
	c := &carrier{app: a}
	cmd := &cobra.Command{
		Use:   "delete KEY",
		Short: "Delete a key from your account at a forge, and see that it is gone",
		Long: `Delete a key from your account at a forge. KEY is its number there, its fingerprint, or a
key of the broker. A forge has no quarantine: to bring the key back, add it again.`,
		Example:           `  keybroker forge delete laptop-2019 --forge gitlab --url https://git.example.com`,
		ValidArgsFunction: c.completeKeys,
		Args:              cli.ExactArgs(1),
		RunE: c.with(func(cmd *cobra.Command, args []string) error {
			if err := c.mustBePlanned(plan.Terminate, args[0], f.url); err != nil {
				return err
			}
			at, err := f.open(cmd.Context())
			if err != nil {
				return err
			}
			return c.forgeDelete(cmd, at, args[0])
		}),
	}
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (c *carrier) forgeDelete(cmd *cobra.Command, at *forge.Forge, text string) error {
	list, err := at.List(cmd.Context())
	if err != nil {
		return err
	}
	found, err := c.atForge(cmd.Context(), list, text)
	if err != nil {
		return err
	}
	if !c.yes {
		if !terminal.Interactive() {
			return cli.Usage(problem.New("nobody can be asked here", "give --yes"))
		}
		yes, err := terminal.Confirm(cmd.Context(), fmt.Sprintf("Delete %s (%s) from %s?", platform.Escape(found.Title, 60), found.Fingerprint, at.Host()))
		if err != nil || !yes {
			return errors.Join(err, cli.Refused(errors.New("nothing was changed")))
		}
	}
	err = at.Delete(cmd.Context(), found.ID)
	if err == nil {
		err = goneFrom(cmd.Context(), at, found)
	}
	c.recordForge(cmd, "forge-delete", found.Fingerprint, at.Host(), err)
	if err == nil {
		fmt.Fprintf(cmd.OutOrStdout(), "%s has the key %s no more.\n", at.Host(), found.Fingerprint)
	}
	return err
}

// goneFrom looks again: the forge may have said yes and kept the key.
func goneFrom(ctx context.Context, at *forge.Forge, key forge.Key) error {
	list, err := at.List(ctx)
	if err == nil && slices.ContainsFunc(list, func(k forge.Key) bool { return k.Fingerprint == key.Fingerprint }) {
		err = fmt.Errorf("%s still lists the key", at.Host())
	}
	return err
}

// atForge finds a key of the account.
func (c *carrier) atForge(ctx context.Context, list []forge.Key, text string) (forge.Key, error) {
	for _, key := range list {
		if key.ID == text || key.Fingerprint == text {
			return key, nil
		}
	}
	ours, err := c.findKey(ctx, text)
	for _, key := range list {
		if err == nil && key.Fingerprint == ours.Fingerprint {
			return key, nil
		}
	}
	return forge.Key{}, problem.With(fmt.Errorf("the account has no key %s", platform.Escape(text, 80)), "see them: keybroker forge list")
}

// recordForge writes the change to the audit log, or says that it cannot.
func (c *carrier) recordForge(cmd *cobra.Command, kind, fingerprint, host string, failed error) {
	step := audit.Step{Plan: "forge", Step: "1", Kind: kind, Fingerprint: fingerprint, Host: host, State: string(plan.Done)}
	if failed != nil {
		step.State, step.Detail = string(plan.Stopped), failed.Error()
	}
	if _, _, err := c.client().RecordStep(cmd.Context(), step); err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "keybroker: the change is not in the audit log:", platform.Text(err))
	}
}
