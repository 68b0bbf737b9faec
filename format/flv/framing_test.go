package flv

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const fileHead = "464c5601 01 00000009 00000000"

// framingCase is tags and their bytes after the file header, made by hand from the specification.
type framingCase struct {
	name  string
	bytes string
	tags  []Tag
}

func framingCases() []framingCase {
	return []framingCase{
		{"no tags", "", nil},
		{"script", "12 000003 000000 00 000000 020000 0000000e", []Tag{{Script, 0, []byte{2, 0, 0}}}},
		{"empty body", "09 000000 000000 00 000000 0000000b", []Tag{{Video, 0, nil}}},
		{
			"times", "09 000001 ffffff 00 000000 aa 0000000c" + "09 000001 000000 01 000000 bb 0000000c" +
				"08 000001 fffffe ff 000000 cc 0000000c" + "12 000001 345678 12 000000 dd 0000000c",
			[]Tag{
				{Video, 0xFFFFFF, []byte{0xAA}},
				{Video, 0x1000000, []byte{0xBB}},
				{Audio, 0xFFFFFFFE, []byte{0xCC}},
				{Script, 0x12345678, []byte{0xDD}},
			},
		},
	}
}

func TestFraming(t *testing.T) {
	for _, c := range framingCases() {
		t.Run(c.name, func(t *testing.T) {
			want := fromHex(t, fileHead+c.bytes)
			var b bytes.Buffer
			if err := NewWriter(&b).Write(c.tags...); err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Errorf("wrote %x, %v, want %x", b.Bytes(), err, want)
			}
			size := len(FileHeader(false))
			for _, tag := range c.tags {
				size += tag.Size()
			}
			if size != len(want) {
				t.Errorf("sizes are %d in all, want %d", size, len(want))
			}
			for name, r := range map[string]io.Reader{
				"whole": bytes.NewReader(want), "bytewise": iotest.OneByteReader(bytes.NewReader(want)),
				"data with the end": iotest.DataErrReader(bytes.NewReader(want)),
			} {
				tags, err := readTags(NewReader(r))
				if err != io.EOF {
					t.Errorf("%s: %v", name, err)
				}
				sameTags(t, tags, c.tags)
			}
		})
	}
}

func readTags(r *Reader) ([]Tag, error) {
	var tags []Tag
	for {
		tag, err := r.Next()
		if err != nil {
			return tags, err
		}
		tags = append(tags, tag)
	}
}

func sameTags(t testing.TB, got, want []Tag) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d tags, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Type != want[i].Type || got[i].Time != want[i].Time || !bytes.Equal(got[i].Body, want[i].Body) {
			t.Fatalf("tag %d is %d at %d with %x, want %d at %d with %x", i, got[i].Type, got[i].Time, got[i].Body,
				want[i].Type, want[i].Time, want[i].Body)
		}
	}
}

// TestWriterCalls: the header comes once, each call is one Write, and a failure is reported.
func TestWriterCalls(t *testing.T) {
	var writes [][]byte
	w := NewWriter(writerFunc(func(b []byte) (int, error) {
		writes = append(writes, bytes.Clone(b))
		return len(b), nil
	}))
	for range 3 {
		if err := w.Write(Tag{Type: Video, Body: []byte{1}}, Tag{Type: Video, Body: []byte{2}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(writes) != 3 || len(writes[0]) != 13+32 || len(writes[1]) != 32 {
		t.Errorf("%d writes: %x", len(writes), writes)
	}
	if err := w.Write(Tag{Body: make([]byte, 1<<24)}); err == nil || len(writes) != 3 {
		t.Errorf("a body of 2^24 bytes: %v, %d writes", err, len(writes))
	}
	if err := w.Write(Tag{Body: make([]byte, 1<<24-1)}); err != nil {
		t.Errorf("a body of 2^24-1 bytes: %v", err)
	}
	if err := NewWriter(writerFunc(func([]byte) (int, error) { return 0, io.ErrClosedPipe })).Write(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a destination that fails: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// readerCases are files as others write them, and what is wrong with them, if anything.
func readerCases() []struct {
	name, bytes string
	tags        int
	want        string // in the error, empty for io.EOF
	short       bool
} {
	const tag = "09 000001 000000 00 000000 aa "
	return []struct {
		name, bytes string
		tags        int
		want        string
		short       bool
	}{
		{"empty", "", 0, "", false},
		{"header only", "464c5601 05 00000009", 0, "", false},
		{"longer header", "464c5601 05 0000000b ffff 00000000" + tag + "0000000c", 1, "", false},
		{"first size not 0", "464c5601 05 00000009 12345678" + tag + "0000000c", 1, "", false},
		{"no last size", fileHead + tag, 1, "", false},
		{"sizes of 0", fileHead + tag + "00000000" + tag, 2, "", false},
		{"sizes without the header", fileHead + tag + "00000001" + tag, 2, "", false},
		{"sizes short by one", fileHead + tag + "0000000b" + tag, 2, "", false},
		{"stream id", fileHead + "09 000001 000000 00 000001 aa 0000000c", 1, "", false},
		{"unknown type", fileHead + "0f 000001 000000 00 000000 aa 0000000c", 1, "", false},
		{"header cut short", "464c5601", 0, "file header: unexpected EOF", true},
		{"longer header cut short", "464c5601 05 0000000b ff", 0, "file header: unexpected EOF", true},
		{"not FLV", "474001 01 05 00000009", 0, "not with FLV", false},
		{"version", "464c5602 05 00000009", 0, "version 2", false},
		{"header that is too short", "464c5601 05 00000008", 0, "header of 8 bytes", false},
		{"header that is too long", "464c5601 05 00010001", 0, "header of 65537 bytes", false},
		{"size cut short", fileHead + tag + "0000", 1, "tag at byte 25: unexpected EOF", true},
		{"tag cut short", fileHead + tag + "0000000c 09 00", 1, "tag at byte 25: unexpected EOF", true},
		{"body cut short", fileHead + "09 000002 000000 00 000000 aa", 0, "body of 2 bytes: unexpected EOF", true},
		{"body missing", fileHead + "09 ffffff 000000 00 000000", 0, "body of 16777215 bytes: unexpected EOF", true},
		{"wrong size", fileHead + tag + "0000000d" + tag, 1, "the tag before has 12 bytes, and is said to have 13", false},
		{"encrypted", fileHead + "29 000001 000000 00 000000 aa", 0, "encrypted", false},
		{"no tag", fileHead + "49 000001 000000 00 000000 aa", 0, "0x49", false},
	}
}

func TestReader(t *testing.T) {
	for _, c := range readerCases() {
		t.Run(c.name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(fromHex(t, c.bytes)))
			tags, err := readTags(r)
			if len(tags) != c.tags || (c.want == "") != (err == io.EOF) || !strings.Contains(err.Error(), c.want) ||
				errors.Is(err, io.ErrUnexpectedEOF) != c.short {
				t.Errorf("%d tags, %v: want %d, %q", len(tags), err, c.tags, c.want)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("then %v", again)
			}
		})
	}
}

// TestReaderKeepsSourceError: what the source says can be asked for.
func TestReaderKeepsSourceError(t *testing.T) {
	r := NewReader(io.MultiReader(bytes.NewReader(fromHex(t, fileHead)), iotest.ErrReader(io.ErrClosedPipe)))
	if _, err := r.Next(); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// TestReaderDoesNotWait: a tag is returned once its last byte is there, before the size that follows it.
func TestReaderDoesNotWait(t *testing.T) {
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := pw.Write(append(FileHeader(false), 9, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xAA))
		done <- err
	}()
	if tag, err := NewReader(pr).Next(); err != nil || len(tag.Body) != 1 {
		t.Errorf("%+v, %v", tag, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestReaderMakesRoomAsItReads: a tag that claims the most and has nothing costs no memory of that size.
func TestReaderMakesRoomAsItReads(t *testing.T) {
	file := fromHex(t, fileHead+"09 ffffff 000000 00 000000 aa")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := NewReader(bytes.NewReader(file)).Next()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; err == nil || n > 1<<20 {
		t.Errorf("%v, and %d bytes were allocated", err, n)
	}
}

func FuzzReader(f *testing.F) {
	for _, c := range framingCases() {
		f.Add(fromHex(f, fileHead+c.bytes))
	}
	for _, c := range readerCases() {
		f.Add(fromHex(f, c.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tags, err := readTags(NewReader(bytes.NewReader(b)))
		if err == nil {
			t.Fatal("no end")
		}
		var out bytes.Buffer
		if err := NewWriter(&out).Write(tags...); err != nil {
			t.Fatal(err)
		}
		again, err := readTags(NewReader(&out))
		if err != io.EOF {
			t.Fatal(err)
		}
		sameTags(t, again, tags)
	})
}
