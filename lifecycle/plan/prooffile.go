package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/keybroker/keybroker/keys/sshsig"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
)

// ProofFile is what is shown to an auditor: what a plan was to do, and the servers' own
// words.
type ProofFile struct {
	Plan    string            `json:"plan"`
	Kind    Kind              `json:"kind"`
	SHA256  string            `json:"sha256,omitempty"` // of the plan's file, in hex
	Key     lifecycle.Key     `json:"key"`
	New     *lifecycle.Key    `json:"new,omitempty"`
	Written time.Time         `json:"written"`
	Open    []OpenStep        `json:"open"` // what is not done
	Proofs  []lifecycle.Proof `json:"proofs"`
}

// OpenStep is a step that is not done, and why.
type OpenStep struct {
	Target string   `json:"target"`
	Kind   StepKind `json:"kind"`
	State  State    `json:"state"`
	Why    string   `json:"why"`
}

// ThisMachine is the target of a step that is at no place.
const ThisMachine = "this machine"

// Target is where a step is, for people.
func (run *Run) Target(step Step) string {
	if step.Place < 0 {
		return ThisMachine
	}
	return run.Plan.Places[step.Place].Target
}

// Proof collects the proofs of a run.
func (run *Run) Proof(now time.Time) ProofFile {
	file := ProofFile{Plan: run.Plan.ID, Kind: run.Plan.Kind, SHA256: run.SHA256, Key: run.Plan.Key, New: run.Plan.New, Written: now.UTC(), Open: []OpenStep{}, Proofs: []lifecycle.Proof{}}
	for _, step := range run.Steps {
		file.Proofs = append(file.Proofs, step.Proofs...)
		if step.State != Done {
			file.Open = append(file.Open, OpenStep{run.Target(step), step.Kind, step.State, step.Why})
		}
	}
	return file
}

// Write writes the proof into a directory of the user's, and with a signing line also the
// signature beside it, which the agent makes. It returns the path of the proof.
func (f ProofFile) Write(ctx context.Context, dir, signWith string) (string, error) {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return "", err
	}
	data = append(data, '\n')
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, f.Plan+".json")
	if err := errors.Join(removeFile(path+".sig"), platform.WriteFileAtomic(path, data, 0o600)); err != nil || signWith == "" {
		return path, err
	}
	signature, err := sshsig.SignWithKey(ctx, "", data, signWith, ProofNamespace)
	if err != nil {
		return path, fmt.Errorf("the proof is not signed: %w", err)
	}
	return path, platform.WriteFileAtomic(path+".sig", signature, 0o600)
}

func removeFile(path string) error {
	err := os.Remove(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// VerifyProof checks the signature of a proof file against a file of allowed signers, and
// returns the proof and who signed it.
func VerifyProof(ctx context.Context, data, signature, signers []byte) (ProofFile, sshsig.Signed, error) {
	var file ProofFile
	if err := json.Unmarshal(data, &file); err != nil {
		return file, sshsig.Signed{}, fmt.Errorf("it is no proof: %w", err)
	}
	signed, err := sshsig.Verify(ctx, data, signature, signers, ProofNamespace, time.Time{})
	return file, signed, err
}

// Proved counts the places whose every step so far proves what it says.
func (f ProofFile) Proved() (proved, weak int) {
	for _, proof := range f.Proofs {
		if proof.Reason == "" {
			proved++
		} else {
			weak++
		}
	}
	return proved, weak
}
