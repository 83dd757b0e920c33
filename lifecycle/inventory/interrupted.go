package inventory

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/keybroker/keybroker/problem"
)

const (
	// resumeWithin is the age up to which an interrupted run goes on: older facts would
	// be mixed with new ones.
	resumeWithin = 24 * time.Hour
	// maxResult bounds the result of one host in the file.
	maxResult = 1 << 30
	runFiles  = "inventory-*.jsonl"
)

// Run is what is kept of a run until it ends: a file with its targets, and a line for
// each host that was read.
type Run struct {
	Targets []string
	Have    map[string]HostResult // that were read before an interruption

	file *os.File
}

type runHead struct {
	Started time.Time `json:"started"`
	Targets []string  `json:"targets"`
}

// BeginRun makes the file of a run in dir, and removes old ones.
func BeginRun(dir string, targets []string) (*Run, error) {
	old, _ := filepath.Glob(filepath.Join(dir, runFiles))
	for _, name := range old {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > resumeWithin {
			os.Remove(name)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(dir, runFiles) // with mode 0600
	if err != nil {
		return nil, err
	}
	r := &Run{Targets: targets, Have: map[string]HostResult{}, file: file}
	return r, json.NewEncoder(file).Encode(runHead{time.Now().UTC(), targets})
}

// ResumeRun reads the newest file of a run that did not end, and goes on with it.
func ResumeRun(dir string) (*Run, error) {
	names, _ := filepath.Glob(filepath.Join(dir, runFiles))
	newest, at := "", time.Time{}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(at) {
			newest, at = name, info.ModTime()
		}
	}
	if newest == "" || time.Since(at) > resumeWithin {
		return nil, problem.New("no run was interrupted within the last day", "start one, without --resume")
	}
	file, err := os.OpenFile(newest, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	r := &Run{Have: map[string]HostResult{}, file: file}
	if err := r.read(); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", newest, err)
	}
	return r, nil
}

// read stops at a line that was cut off, and lets the next one take its place.
func (r *Run) read() error {
	lines := bufio.NewReader(io.LimitReader(r.file, maxResult))
	var head runHead
	first, err := lines.ReadBytes('\n')
	if err != nil || json.Unmarshal(first, &head) != nil {
		return problem.New("the interrupted run cannot be read", "start anew, without --resume")
	}
	r.Targets = head.Targets
	end := int64(len(first))
	for {
		line, err := lines.ReadBytes('\n')
		var result HostResult
		if err != nil || json.Unmarshal(line, &result) != nil {
			break
		}
		r.Have[result.Target] = result
		end += int64(len(line))
	}
	_, err = r.file.Seek(end, io.SeekStart)
	return errors.Join(err, r.file.Truncate(end))
}

// Keep adds the result of one host. A full disk ends only the keeping.
func (r *Run) Keep(result HostResult) {
	if line, err := json.Marshal(result); err == nil {
		_, _ = r.file.Write(append(line, '\n'))
	}
}

// End removes the file: everything was read.
func (r *Run) End() error { return errors.Join(r.file.Close(), os.Remove(r.file.Name())) }

// Leave keeps the file for ResumeRun.
func (r *Run) Leave() error { return r.file.Close() }
