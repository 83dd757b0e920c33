package pivtest

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

func provision(card *Card, args []string) error {
	slot, err := strconv.ParseUint(args[0], 16, 8)
	if err != nil {
		return err
	}
	algorithms := map[string]byte{"rsa1024": AlgRSA1024, "rsa2048": AlgRSA2048, "rsa3072": AlgRSA3072,
		"rsa4096": AlgRSA4096, "p256": AlgP256, "p384": AlgP384, "ed25519": AlgEd25519}
	pin := map[string]byte{"": 0, "never": PINNever, "once": PINOnce, "always": PINAlways}
	touch := map[string]byte{"": 0, "never": TouchNever, "always": TouchAlways, "cached": TouchCached}
	_, err = card.Provision(byte(slot), algorithms[args[1]], Policy{PIN: pin[args[2]], Touch: touch[args[3]]})
	return err
}

func setObject(card *Card, args []string) error {
	tag, err := strconv.ParseUint(args[0], 16, 32)
	if err != nil {
		return err
	}
	content, err := hex.DecodeString(args[1])
	if err != nil {
		return err
	}
	return card.SetObject(uint32(tag), content)
}

func certify(card *Card, args []string) error {
	slot, err := strconv.ParseUint(args[0], 16, 8)
	if err != nil {
		return err
	}
	return card.Certify(byte(slot), Certificate{Gzip: args[1] == "gzip", Zlib: args[1] == "zlib", NetID: args[1] == "netid", Plain: args[1] == ""})
}

func setAnswer(card *Card, args []string) error {
	ins, err1 := strconv.ParseUint(args[0], 16, 8)
	p2, err2 := strconv.ParseUint(args[1], 16, 8)
	answer, err3 := hex.DecodeString(args[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	card.Answer(byte(ins), byte(p2), answer)
	return nil
}

func (b *Bench) status(n int) string {
	card := b.Cards[n]
	pin, puk := card.Tries()
	line, err := json.Marshal(map[string]any{
		"character": card.character.Name, "reader": b.Slots[n].Reader, "inserted": b.Slots[n].Card() != nil,
		"guid": fmt.Sprintf("%x", card.GUID()), "serial": card.Serial(), "pin_tries": pin, "puk_tries": puk,
		"pin_verified": card.PINVerified(), "waits_for_touch": card.WaitsForTouch(), "counts": card.Counts(),
	})
	if err != nil {
		return err.Error() + "\n"
	}
	return string(line) + "\n"
}

func tail(lines []string, count string) (string, error) {
	n := len(lines)
	if count != "" {
		var err error
		if n, err = strconv.Atoi(count); err != nil || n < 0 {
			return "", fmt.Errorf("%q is no number of lines", count)
		}
	}
	var out strings.Builder
	for _, l := range lines[len(lines)-min(n, len(lines)):] {
		out.WriteString(l + "\n")
	}
	return out.String(), nil
}

// pcscd stops or starts the rig's pcscd.
func (b *Bench) pcscd(what string) error {
	if b.Rig == nil {
		return errors.New("this pcscd was not started here")
	}
	switch what {
	case "term":
		return b.Rig.Stop(syscall.SIGTERM)
	case "kill":
		return b.Rig.Stop(os.Kill)
	case "start":
		return b.Rig.Start()
	}
	return errors.New("pcscd: term, kill or start")
}
