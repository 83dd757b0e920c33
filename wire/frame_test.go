package wire

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
)

func TestFramesRoundTrip(t *testing.T) {
	for _, size := range []int{1, readChunk, readChunk + 1, 3 * readChunk, MaxMessage} {
		var stream bytes.Buffer
		want := bytes.Repeat([]byte{7}, size)
		for range 2 {
			if err := WriteFrame(&stream, want); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			got, err := ReadFrame(&stream)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
			}
		}
		if _, err := ReadFrame(&stream); err != io.EOF {
			t.Errorf("between messages: %v, want io.EOF", err)
		}
	}
}

func TestBrokenFrames(t *testing.T) {
	for name, stream := range map[string][]byte{
		"empty message":    {0, 0, 0, 0},
		"too long":         {0, 4, 0, 1},
		"absurdly long":    {255, 255, 255, 255, 1, 2, 3},
		"half a length":    {0, 0},
		"half a message":   {0, 0, 0, 9, 11},
		"none of a length": {0, 0, 0, 9},
	} {
		if _, err := ReadFrame(bytes.NewReader(stream)); !errors.Is(err, ErrBrokenFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A client that claims the largest message and sends nothing must not make the
// broker allocate it.
func TestClaimedLengthAllocatesNothing(t *testing.T) {
	const claims = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range claims {
		_, _ = ReadFrame(bytes.NewReader([]byte{0, 4, 0, 0}))
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / claims; each > 3*readChunk {
		t.Errorf("%d bytes allocated for each claim of %d", each, MaxMessage)
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, request := range requests {
		var stream bytes.Buffer
		_ = WriteFrame(&stream, request.Marshal())
		f.Add(stream.Bytes())
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		message, err := ReadFrame(bytes.NewReader(stream))
		if err != nil {
			return
		}
		var again bytes.Buffer
		_ = WriteFrame(&again, message)
		if !bytes.HasPrefix(stream, again.Bytes()) {
			t.Fatalf("%x\nread and written: %x", stream, again.Bytes())
		}
	})
}
