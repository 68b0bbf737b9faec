package input

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzKind finds the kind of anything.
func FuzzKind(f *testing.F) {
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x18ftypisom"))
	f.Add([]byte("#EXTM3U\n"))
	f.Add(bytes.Repeat(append([]byte{0x47, 0x40, 0, 0x10}, make([]byte, 184)...), 5))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, err := sniff(bufio.NewReaderSize(bytes.NewReader(b), readSize), "")
		if err == nil && kind == "" {
			t.Error("no kind, and no error either")
		}
	})
}
