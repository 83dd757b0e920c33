package pivtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A Bench is cards in slots, worked by lines of text: for scripts.
type Bench struct {
	// Rig is the pcscd that the cards are in; nil: it is somebody else's.
	Rig   *Rig
	Slots []*Slot
	Cards []*Card
}

// Help lists the commands that Do knows.
const Help = `insert, remove          put the card in, pull it
touch                   touch it
delay 50ms              answer each APDU that late
reset-time 50ms         take that long for a reset
touch-timeout 15s       wait so long for a touch
tries 3 3               tries left of PIN and PUK; 0 blocks
die [87]                vanish in the next APDU, or the next with that instruction
die-after [87]          carry out that instruction, and vanish before the answer
answer 87 9e [6a81]     answer that instruction with that P2 so; none: by itself
empty-metadata 6a88     what GET METADATA of an empty slot answers: 6a88, 6a86, 9000
one-management-kind on|off  refuse a management key of another algorithm
certify 9a [gzip|zlib|netid]  a new certificate, stored like that
short-only on|off       refuse extended APDUs
ignore-logout on|off    answer 9000 to a log-out, and stay logged in
garble 5fc102 1         flip a bit in the next so many answers with that data object
exact-le on|off         answer 6Cxx to a Le that is too great
forget-pin              say that the PIN is verified, and refuse to sign
provision 9a p256 [once|always|never [never|always|cached]]   a new key and certificate
identify                a new GUID
impersonate 1           look like card 1, but for its card authentication key
object 5fff00 [HEX]     a data object's content; none: it goes away
status                  one line of JSON
log [20]                the last APDUs
pcscd term|kill|start   stop or start pcscd
A line may begin with the number of a card, counted from 0.
`

// Work runs lines until the input ends. To each it answers its output, then
// "ok" or "error: …".
func (b *Bench) Work(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		answer, err := b.Do(words)
		end := "ok"
		if err != nil {
			end = "error: " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		if _, err := fmt.Fprintf(out, "%s%s\n", answer, end); err != nil {
			return err
		}
	}
	return lines.Err()
}

// Do runs one command and returns its output, which ends with a newline if
// there is any.
func (b *Bench) Do(words []string) (string, error) {
	n, err := strconv.Atoi(words[0])
	if err == nil {
		words = words[1:]
	} else {
		n = 0
	}
	if n < 0 || n >= len(b.Cards) || len(words) == 0 {
		return "", errors.New("no such card")
	}
	name, args := words[0], append(words[1:], "", "", "", "")
	card := b.Cards[n]
	switch name {
	case "help":
		return Help, nil
	case "insert":
		return "", b.insert(n)
	case "remove":
		b.Slots[n].Remove()
		return "", nil
	case "touch":
		if !card.Touch() {
			return "", errors.New("the card does not wait for a touch")
		}
		return "", nil
	case "identify":
		return "", card.Identify()
	case "impersonate":
		other, err := strconv.Atoi(args[0])
		if err != nil || other < 0 || other >= len(b.Cards) || other == n {
			return "", errors.New("no such card")
		}
		return "", card.Impersonate(b.Cards[other])
	case "object":
		return "", setObject(card, args)
	case "forget-pin":
		card.ForgetPIN()
		return "", nil
	case "certify":
		return "", certify(card, args)
	case "answer":
		return "", setAnswer(card, args)
	case "provision":
		return "", provision(card, args)
	case "status":
		return b.status(n), nil
	case "log":
		return tail(card.Log(), args[0])
	case "pcscd":
		return "", b.pcscd(args[0])
	}
	return "", turn(card, name, args)
}

// turn turns one of the knobs.
func turn(card *Card, name string, args []string) error {
	switch name {
	case "delay", "reset-time", "touch-timeout":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return err
		}
		switch name {
		case "delay":
			card.Slow(d)
		case "reset-time":
			card.SlowReset(d)
		default:
			card.TouchTimeout(d)
		}
	case "tries":
		pin, err1 := strconv.Atoi(args[0])
		puk, err2 := strconv.Atoi(args[1])
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		card.SetTries(pin, puk)
	case "die", "die-after":
		ins, err := strconv.ParseUint("0"+args[0], 16, 8)
		if err != nil {
			return err
		}
		if name == "die" {
			card.DieOn(byte(ins))
		} else {
			card.DieAfter(byte(ins))
		}
	case "empty-metadata":
		status, err := strconv.ParseUint(args[0], 16, 16)
		if err != nil {
			return err
		}
		card.EmptyMetadata(int(status))
	case "one-management-kind":
		card.OneManagementKind(args[0] == "on")
	case "short-only":
		card.ShortOnly(args[0] == "on")
	case "exact-le":
		card.ExactLe(args[0] == "on")
	case "garble":
		tag, err1 := strconv.ParseUint(args[0], 16, 32)
		times, err2 := strconv.Atoi(args[1])
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		card.Garble(uint32(tag), times)
	case "ignore-logout":
		card.IgnoreLogout(args[0] == "on")
	default:
		return fmt.Errorf("no command %q; try: help", name)
	}
	return nil
}

func (b *Bench) insert(n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	return b.Slots[n].Insert(ctx, b.Cards[n])
}
