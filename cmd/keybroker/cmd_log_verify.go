package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/audit/checkpoint"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// verifyFlags say what the log is compared with, beside the running broker.
type verifyFlags struct {
	journal     string
	checkpoints []string
	signers     string
	archives    []string
	kept        []string // heads, as "NUMBER:HASH"
}

// verified is what was found.
type verified struct {
	audit.Report
	Checkpoints []checkpoint.Signed `json:"checkpoints,omitempty"`
	heads       audit.Heads
}

func newLogVerifyCommand(a *app) *cobra.Command {
	var flags verifyFlags
	cmd := a.TableFlags(&cobra.Command{
		Use:   "verify",
		Short: "Check the hash chain of the audit log; name the first bad line",
		Long: `Check that no record of the audit log was changed, removed, added or moved. If the
broker runs, also check that the log ends with the record that the broker wrote
last. docs/audit-log.md says what this can and cannot prove.

With --checkpoint and --allowed-signers, also compare the log with a signed
checkpoint ("keybroker log checkpoint"): the records up to the signed one must be
those that were signed.

With --against-journal, also compare the log with the numbers and hashes that the
broker wrote to the system's journal, which none of your programs can change. With
--against-journal=FILE they come from a file: the output of "journalctl -o json",
or lines of syslog, which any program could have written.

Months that were moved away ("keybroker log archive") are read with --archive. If they
are gone for good, the number and the hash of the last record that was removed (--head) show
that nothing is missing since.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := a.verifyLog(cmd, flags)
			if err != nil {
				return err
			}
			if err := a.Print(cmd, found, func(w *cli.Table) {
				printReport(w, found.Report)
				printHeads(w, flags.journal, found.heads)
				printCheckpoints(w, found)
			}); err != nil {
				return err
			}
			if found.Bad != nil {
				return problem.With(fmt.Errorf("the audit log was changed: %s", found.Bad), "before anything else, copy %s", a.config.AuditDir())
			}
			if flags.journal != "" && len(found.heads.Witnessed) == 0 {
				return problem.With(fmt.Errorf("%s contains no head of the log in %s, so nothing was compared", flags.journal, a.config.AuditDir()), "see whether there is one: journalctl MESSAGE_ID=%s", audit.HeadID)
			}
			return nil
		},
	})
	cmd.Flags().StringVar(&flags.journal, "against-journal", "", "compare with the heads in the system's journal or in a `FILE`")
	cmd.Flags().Lookup("against-journal").NoOptDefVal = theJournal
	cmd.Flags().StringArrayVar(&flags.checkpoints, "checkpoint", nil, "compare with the signed checkpoint in this `file`; may be repeated")
	cmd.Flags().StringVar(&flags.signers, "allowed-signers", "", "`file` of those who may sign checkpoints: ssh-keygen(1), ALLOWED SIGNERS")
	cmd.Flags().StringArrayVar(&flags.archives, "archive", nil, "read the older months from this `directory` (keybroker log archive); may be repeated, the oldest first")
	cmd.Flags().StringArrayVar(&flags.kept, "head", nil, "compare with this `number:hash` of a record, which you have kept elsewhere; may be repeated")
	cmd.MarkFlagsRequiredTogether("checkpoint", "allowed-signers")
	return cmd
}

// verifyLog reads the log, and what it is compared with first: a checkpoint that does not
// count says nothing about the log.
func (a *app) verifyLog(cmd *cobra.Command, flags verifyFlags) (found verified, err error) {
	client, err := a.client()
	if err != nil {
		return found, err
	}
	for _, path := range flags.checkpoints {
		signed, err := checkpoint.Read(cmd.Context(), path, flags.signers)
		if err != nil {
			return found, err
		}
		found.Checkpoints = append(found.Checkpoints, signed)
	}
	if found.heads, err = a.headsIn(cmd.Context(), flags.journal); err != nil {
		return found, err
	}
	witnessed := found.heads.Witnessed
	for _, text := range flags.kept {
		head, err := keptHead(text)
		if err != nil {
			return found, err
		}
		witnessed = append(witnessed, head)
	}
	for _, signed := range found.Checkpoints {
		witnessed = append(witnessed, signed.Witnessed())
	}
	if found.Report, err = broker.VerifyLogWith(cmd.Context(), &a.config, client, flags.archives, witnessed...); err != nil {
		return found, err
	}
	if found.Bad == nil && len(found.Files) == 0 {
		return found, problem.With(fmt.Errorf("there is no audit log in %s", a.config.AuditDir()), "the broker creates it with its first record: keybroker daemon")
	}
	if found.Removed > 0 { // then the checkpoint was compared with what follows it
		return found, nil
	}
	beginning := append(slices.Clone(flags.archives), a.config.AuditDir())[0]
	for _, signed := range found.Checkpoints {
		if err := signed.CheckLog(beginning); err != nil {
			return found, err
		}
	}
	return found, nil
}

var headForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([1-9][0-9]{0,18}):([0-9a-f]{64})$`) })

// keptHead reads what "log archive" prints.
func keptHead(text string) (audit.Witnessed, error) {
	parts := headForm().FindStringSubmatch(text)
	if parts == nil {
		return audit.Witnessed{}, cli.Usage(problem.New(fmt.Sprintf("%q is not the number and the hash of a record", platform.Escape(text, maxCell)), "write it as keybroker log archive prints it: 811:4e1f…, 64 digits of a hash"))
	}
	seq, err := strconv.ParseUint(parts[1], 10, 64)
	return audit.Witnessed{Head: audit.Head{Seq: seq, Hash: parts[2]}, By: "the kept head"}, err
}

// printCheckpoints says what the checkpoints prove, and what they do not.
func printCheckpoints(w *cli.Table, found verified) {
	last := uint64(0)
	for _, c := range found.Checkpoints {
		w.Row("checkpoint", fmt.Sprintf("record %d, signed by %s (%s), who says at %s", c.Seq, platform.Escape(c.Principal, maxCell), c.Fingerprint, keys.ClaimTime(c.Time)))
		last = max(last, c.Seq)
	}
	if len(found.Checkpoints) == 0 || found.Bad != nil {
		return
	}
	if found.Removed >= last {
		w.Row("proved", fmt.Sprintf("nothing of records 1 to %d, which were removed", found.Removed))
		return
	}
	w.Row("proved", fmt.Sprintf("records %d to %d are those that were signed", found.Removed+1, last))
	w.Row("not proved", fmt.Sprintf("the %s after it; that what the records say is true; the time, which is the signer's word", keys.Counted(int(found.Head.Seq-last), "record")))
}

func printReport(w *cli.Table, r audit.Report) {
	w.Row("records", strconv.FormatUint(r.Records, 10))
	w.Row("files", strconv.Itoa(len(r.Files)))
	w.Row("last", fmt.Sprintf("record %d, %s", r.Head.Seq, r.Head.Hash))
	if r.Removed > 0 {
		w.Row("removed", fmt.Sprintf("records 1 to %d: the rest follows a head of the last of them that is kept elsewhere", r.Removed))
	}
	if r.Bad == nil {
		w.Row("result", "whole: every record follows from the one before")
	} else {
		w.Row("result", "BAD: "+r.Bad.String())
	}
}
