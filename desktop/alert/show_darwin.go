package alert

import (
	"errors"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/platform"
)

// waitTime bounds the time until a closed gone is noticed.
const waitTime = 200 * time.Millisecond

// Show shows q until the person answers and returns the answer. An error becomes an
// answer that allows nothing. gone is closed when nobody waits for the answer.
func Show(q question.Question, gone <-chan struct{}) question.Answer {
	r, fits := requestFor(q)
	if !fits {
		return question.Answer{Word: question.TooLong}
	}
	cf, err := load()
	if err != nil {
		return failed(err)
	}
	a, err := cf.open(r)
	if err != nil {
		return failed(err)
	}
	defer a.close()
	for {
		select {
		case <-gone:
			return question.Answer{Word: question.Closed}
		default:
		}
		if response, answered := a.wait(waitTime); answered {
			return a.answer(r.word(response))
		}
	}
}

func failed(err error) question.Answer {
	return question.Answer{Word: question.Failed, Text: []byte(err.Error())}
}

// notification is one alert on the screen.
type notification struct {
	cf  *coreFoundation
	ref uintptr // CFUserNotificationRef
}

func (cf *coreFoundation) open(r request) (*notification, error) {
	keys, values := []uintptr{cf.key("AlertHeader"), cf.key("AlertMessage"), cf.key("AlertTopMost")},
		[]uintptr{cf.string(r.header), cf.string(r.message), cf.constant("kCFBooleanTrue")}
	for i, b := range r.buttons {
		keys = append(keys, cf.key([]string{"DefaultButtonTitle", "AlternateButtonTitle", "OtherButtonTitle"}[i]))
		values = append(values, cf.string(b.Label))
	}
	if r.field != "" {
		keys, values = append(keys, cf.key("TextFieldTitles")), append(values, cf.string(r.field))
	}
	for _, object := range append(keys, values...) {
		if object == 0 {
			return nil, errors.New("CoreFoundation rejected the question")
		}
	}
	dictionary := cf.dictionaryCreate(0, &keys[0], &values[0], len(keys), cf.symbol("kCFTypeDictionaryKeyCallBacks"), cf.symbol("kCFTypeDictionaryValueCallBacks"))
	var code int32
	ref := cf.create(0, r.timeout.Seconds(), r.flags, &code, dictionary)
	if ref == 0 || code != 0 {
		return nil, fmt.Errorf("CFUserNotificationCreate: %d: is somebody logged in at the screen?", code)
	}
	return &notification{cf: cf, ref: ref}, nil
}

// wait returns the response if it arrives within limit.
func (n *notification) wait(limit time.Duration) (response uint, answered bool) {
	answered = n.cf.receiveResponse(n.ref, limit.Seconds(), &response) == 0
	return response, answered
}

// answer adds the typed text. The system keeps a copy of it that cannot be wiped.
func (n *notification) answer(word question.Word) question.Answer {
	if word != question.Typed {
		return question.Answer{Word: word}
	}
	memory, free := platform.LockedAlloc(question.MaxSecret + 1)
	defer free()
	typed := n.cf.getResponseValue(n.ref, n.cf.key("TextFieldValues"), 0)
	if typed == 0 || !n.cf.getCString(typed, &memory[0], len(memory), utf8Encoding) {
		return question.Answer{Word: question.Closed}
	}
	secret := make([]byte, 0, question.MaxSecret)
	for _, b := range memory {
		if b == 0 {
			break
		}
		secret = append(secret, b)
	}
	return question.Answer{Word: question.Typed, Text: secret}
}

// close removes the alert from the screen if it is still there.
func (n *notification) close() {
	n.cf.cancel(n.ref)
	n.cf.release(n.ref)
}
