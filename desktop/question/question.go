// Package question is the protocol between the broker and its window program, over the
// socket that the program inherits: a question as JSON, and one answer. The broker alone
// decides what the person reads; the program draws it.
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
	// maxQuestion bounds a question of about forty lines of text.
	maxQuestion = 64 << 10
	// MaxSecret bounds a typed secret, like a terminal's line.
	MaxSecret = 4096
	// maxAnswer bounds an answer: a word, and a secret or a reason.
	maxAnswer = MaxSecret + 64
)

// Kind selects one of the three windows.
type Kind string

// The kinds. A notice has no button that allows.
const (
	Confirm Kind = "confirm"
	Secret  Kind = "secret"
	Notice  Kind = "notice"
)

// Mark says how well a fact is known.
type Mark string

// The marks. No two of them look alike, in colour, sign or word.
const (
	Verified Mark = "verified"
	New      Mark = "new host" // proved its key, but has no known name
	Claimed  Mark = "claimed only"
	Unknown  Mark = "unknown"
	// Forwarded marks a request from another machine; OtherName marks a host other
	// than the typed one.
	Forwarded Mark = "forwarded"
	OtherName Mark = "other name"
)

// Look is the text style of a row: a name stands out from a fingerprint.
type Look string

// The looks; "" is plain.
const (
	Strong Look = "strong"
	Faint  Look = "faint"
)

// Line is one labelled row. A row without a label continues the row above.
type Line struct {
	Label string `json:"label,omitempty"`
	Mark  Mark   `json:"mark,omitempty"`
	Text  string `json:"text"`
	Look  Look   `json:"look,omitempty"`
}

// String is the line as text, for a prompt with one text style.
func (l Line) String() string {
	if l.Label == "" {
		return "    " + l.Marked()
	}
	return l.Label + ": " + l.Marked()
}

// Marked is the mark and the text. The mark comes first, so that no value can imitate
// it.
func (l Line) Marked() string {
	if l.Mark == "" {
		return l.Text
	}
	return "[" + string(l.Mark) + "] " + l.Text
}

// Question is everything that the window shows. The sender escapes all text; the window
// breaks long lines and omits nothing.
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
	Time   time.Duration `json:"time_ns,omitempty"` // until the question times out; 0: not shown
}

// Word is the first line of an answer.
type Word string

// The words. Three of them allow, and only in answer to Confirm.
const (
	Deny       Word = "deny"
	DenyFor    Word = "deny-for"
	AllowOnce  Word = "allow-once"
	AllowFor   Word = "allow-for"
	AllowBurst Word = "allow-burst"
	Typed      Word = "typed"    // the secret follows
	Closed     Word = "closed"   // without an answer
	Failed     Word = "failed"   // the reason follows
	TooLong    Word = "too-long" // nothing was shown: the question does not fit on the screen
)

// allowedWords lists the answers to each kind, and whether text follows the word.
var allowedWords = map[Kind]map[Word]bool{
	Confirm: {Deny: false, DenyFor: false, AllowOnce: false, AllowFor: false, AllowBurst: false, Closed: false, Failed: true, TooLong: false},
	Secret:  {Typed: true, Closed: false, Failed: true, TooLong: false},
	Notice:  {Deny: false, Closed: false, Failed: true, TooLong: false},
}

// Answer is a word and the text that follows it.
type Answer struct {
	Word Word
	Text []byte // Typed: the secret, which the receiver wipes; Failed: why
}

// ErrNoAnswer means that there was not exactly one whole answer.
var ErrNoAnswer = errors.New("the window gave no answer")

// Send writes the question as one line, whose end the receiver recognises.
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
	if allowedWords[q.Kind] == nil {
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

// Send writes the answer with one Write.
func (a Answer) Send(w io.Writer) error {
	line := make([]byte, 0, maxAnswer)
	line = append(append(line, a.Word...), '\n')
	line = append(line, a.Text[:min(len(a.Text), MaxSecret)]...)
	defer clear(line)
	_, err := w.Write(line)
	return err
}

// ReceiveAnswer reads r to its end and returns ErrNoAnswer unless that is exactly one
// answer to a question of this kind.
func ReceiveAnswer(r io.Reader, kind Kind) (Answer, error) {
	buf := make([]byte, maxAnswer+1)
	n, err := io.ReadFull(r, buf)
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) { // too long, or broken
		clear(buf)
		return Answer{}, errors.Join(ErrNoAnswer, err)
	}
	word, text, ended := bytes.Cut(buf[:n], []byte("\n"))
	hasText, known := allowedWords[kind][Word(word)]
	if !ended || !known || !hasText && len(text) > 0 {
		clear(buf)
		return Answer{}, ErrNoAnswer
	}
	return Answer{Word: Word(word), Text: text}, nil
}
