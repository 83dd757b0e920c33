// Package question is what the broker and its window program say to each other
// over the one socket that the program inherits: a question as JSON, and one
// answer. The broker alone decides what a person reads; the program draws it.
package question

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// maxQuestion bounds a question: some forty lines of text.
	maxQuestion = 64 << 10
	// MaxSecret bounds what a person can type; a terminal's line holds no more.
	MaxSecret = 4096
	// maxAnswer bounds an answer: a word, and a secret or a reason.
	maxAnswer = MaxSecret + 64
)

// Kind is which of the three windows is shown.
type Kind string

// The kinds. A notice has no button that allows.
const (
	Confirm Kind = "confirm"
	Secret  Kind = "secret"
	Notice  Kind = "notice"
)

// Mark says how well a line is known.
type Mark string

// The marks. No two of them look alike, in colour, sign or word.
const (
	Verified Mark = "verified"
	New      Mark = "new host" // proved, and without a known name
	Claimed  Mark = "claimed only"
	Unknown  Mark = "unknown"
	// Forwarded was asked for on another machine; OtherName is a host that is not
	// the one that was typed.
	Forwarded Mark = "forwarded"
	OtherName Mark = "other name"
)

// Look is the kind of letters of a row: a name stands out from a fingerprint.
type Look string

// The looks; "" is the plain one.
const (
	Strong Look = "strong"
	Faint  Look = "faint"
)

// Line is one labelled row. "" as label continues the row above.
type Line struct {
	Label string `json:"label,omitempty"`
	Mark  Mark   `json:"mark,omitempty"`
	Text  string `json:"text"`
	Look  Look   `json:"look,omitempty"`
}

// String is the line where a prompt has one kind of letter.
func (l Line) String() string {
	if l.Label == "" {
		return "    " + l.Marked()
	}
	return l.Label + ": " + l.Marked()
}

// Marked is the text behind its mark. The mark comes first: no value that follows
// it can pass for it.
func (l Line) Marked() string {
	if l.Mark == "" {
		return l.Text
	}
	return "[" + string(l.Mark) + "] " + l.Text
}

// Question is everything that the window shows. All text is escaped by its
// sender; the window breaks long lines and leaves nothing out.
type Question struct {
	Kind   Kind          `json:"kind"`
	Title  string        `json:"title"`
	Text   []string      `json:"text,omitempty"` // lines above the rows
	Rows   []Line        `json:"rows,omitempty"`
	Error  string        `json:"error,omitempty"`   // secret: why the last try failed
	Prompt string        `json:"prompt,omitempty"`  // secret: "Passphrase:"
	For    string        `json:"for,omitempty"`     // confirm: "15 minutes", or "": no such button
	Grant  string        `json:"grant,omitempty"`   // with For: what it covers
	Burst  string        `json:"burst,omitempty"`   // confirm: "This git command", "These 30 hosts", or "": no such button
	Pause  string        `json:"pause,omitempty"`   // confirm: "10 minutes", or "": no such button
	Time   time.Duration `json:"time_ns,omitempty"` // until silence refuses; 0: no end is shown
}

// Word is the first line of an answer.
type Word string

// The words. Only three of them allow, and only in answer to Confirm.
const (
	Deny       Word = "deny"
	DenyFor    Word = "deny-for"
	AllowOnce  Word = "allow-once"
	AllowFor   Word = "allow-for"
	AllowBurst Word = "allow-burst"
	Typed      Word = "typed"    // what was typed follows
	Closed     Word = "closed"   // without an answer
	Failed     Word = "failed"   // the reason follows
	TooLong    Word = "too-long" // nothing was shown: it does not fit on the screen
)

// words are the answers that each kind may have, and whether text follows.
var words = map[Kind]map[Word]bool{
	Confirm: {Deny: false, DenyFor: false, AllowOnce: false, AllowFor: false, AllowBurst: false, Closed: false, Failed: true, TooLong: false},
	Secret:  {Typed: true, Closed: false, Failed: true, TooLong: false},
	Notice:  {Deny: false, Closed: false, Failed: true, TooLong: false},
}

// Answer is a word with what belongs to it.
type Answer struct {
	Word Word
	Rest []byte // Typed: the secret, which the receiver wipes; Failed: why
}

// ErrNoAnswer is an answer that is none: nothing, half of one, two.
var ErrNoAnswer = errors.New("the window gave no answer")

// Send writes the question as one line, so that the other end knows where it ends.
func (q Question) Send(w io.Writer) error { return json.NewEncoder(w).Encode(q) }

// Receive reads one question and nothing after it.
func Receive(r io.Reader) (Question, error) {
	var q Question
	line, err := readLine(r)
	if err == nil {
		err = json.Unmarshal(line, &q)
	}
	if err != nil {
		return Question{}, err
	}
	if words[q.Kind] == nil {
		return Question{}, fmt.Errorf("unknown kind %q", q.Kind)
	}
	return q, nil
}

func readLine(r io.Reader) ([]byte, error) {
	buf := make([]byte, 0, maxQuestion)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if line, ok := bytes.CutSuffix(buf, []byte("\n")); ok {
			return line, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) == cap(buf) {
			return nil, errors.New("too long")
		}
	}
}

// Send writes the answer in one piece.
func (a Answer) Send(w io.Writer) error {
	line := make([]byte, 0, maxAnswer)
	line = append(append(line, a.Word...), '\n')
	line = append(line, a.Rest[:min(len(a.Rest), MaxSecret)]...)
	defer clear(line)
	_, err := w.Write(line)
	return err
}

// ReceiveAnswer reads to the end of r, and takes what it read only when it is
// exactly one answer to a question of this kind.
func ReceiveAnswer(r io.Reader, kind Kind) (Answer, error) {
	buf := make([]byte, maxAnswer+1)
	n, err := io.ReadFull(r, buf)
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) { // too long, or broken
		clear(buf)
		return Answer{}, errors.Join(ErrNoAnswer, err)
	}
	word, rest, ended := bytes.Cut(buf[:n], []byte("\n"))
	hasRest, known := words[kind][Word(word)]
	if !ended || !known || !hasRest && len(rest) > 0 {
		clear(buf)
		return Answer{}, ErrNoAnswer
	}
	return Answer{Word: Word(word), Rest: rest}, nil
}
