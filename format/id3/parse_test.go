package id3

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// run runs a program and gives what it wrote.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return out
}

// rawTag is a tag around frames.
func rawTag(version, flags byte, body ...string) []byte {
	b := strings.Join(body, "")
	return []byte("ID3" + string([]byte{version, 0, flags}) + string(appendSynchsafe(nil, len(b))) + b)
}

// rawFrame is a frame with its size as in its version.
func rawFrame(version byte, id string, flags byte, content string) string {
	size := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	if version == 4 {
		size = appendSynchsafe(nil, len(content))
	}
	return id + string(size) + string([]byte{0, flags}) + content
}

// tagCase is a tag and what is in it.
type tagCase struct {
	name   string
	tag    []byte
	frames []Frame
	err    string // a part of it
}

func tagCases() []tagCase {
	txxx := []Frame{{ID: "TXXX", Description: "d", Text: "v"}}
	long := strings.Repeat("x", 200)
	f4 := func(id string, flags byte, content string) string { return rawFrame(4, id, flags, content) }
	f3 := func(id string, flags byte, content string) string { return rawFrame(3, id, flags, content) }
	plainSize := "TXXX\x00\x00\x00\xCB\x00\x00\x03d\x00" + long
	return []tagCase{
		{"empty", rawTag(4, 0), nil, ""},
		{"2.4 UTF-8", rawTag(4, 0, f4("TXXX", 0, "\x03d\x00v")), txxx, ""},
		{"2.3 Latin-1", rawTag(3, 0, f3("TXXX", 0, "\x00\xE4\x00\xF6")), []Frame{{ID: "TXXX", Description: "ä", Text: "ö"}}, ""},
		{"2.3 UTF-16", rawTag(3, 0, f3("TXXX", 0, "\x01\xFF\xFEd\x00\x00\x00\xFE\xFF\x00v\x00\x00")), txxx, ""},
		{"UTF-16 without mark", rawTag(3, 0, f3("TXXX", 0, "\x01d\x00\x00\x00v\x00")), txxx, ""},
		{"UTF-16BE", rawTag(4, 0, f4("TXXX", 0, "\x02\x00d\x00\x00\xD8\x3C\xDF\xAC")), []Frame{{ID: "TXXX", Description: "d", Text: "🎬"}}, ""},
		{"UTF-16 zero between characters", rawTag(4, 0, f4("TXXX", 0, "\x02\x01\x00\x00\x64\x00\x00\x00v")), []Frame{{ID: "TXXX", Description: "Ād", Text: "v"}}, ""},
		{"odd UTF-16", rawTag(4, 0, f4("TXXX", 0, "\x02\x00d\x00\x00\x00v\x00")), txxx, ""},
		{"invalid UTF-8", rawTag(4, 0, f4("TXXX", 0, "\x03d\x00\xFFv")), []Frame{{ID: "TXXX", Description: "d", Text: "\uFFFDv"}}, ""},
		{"zeros after the value", rawTag(4, 0, f4("TXXX", 0, "\x03d\x00v\x00\x00")), txxx, ""},
		{"text frame", rawTag(4, 0, f4("TIT2", 0, "\x03v")), []Frame{{ID: "TIT2", Text: "v"}}, ""},
		{"PRIV", rawTag(4, 0, f4("PRIV", 0, "o\x00\x01\x00\x02")), []Frame{{ID: "PRIV", Description: "o", Data: []byte{1, 0, 2}}}, ""},
		{"other frame", rawTag(4, 0, f4("GEOB", 0, "\x00\x01")), []Frame{{ID: "GEOB", Data: []byte{0, 1}}}, ""},
		{"several", rawTag(4, 0, f4("PRIV", 0, "o\x00"), f4("TXXX", 0, "\x03d\x00v")), append([]Frame{{ID: "PRIV", Description: "o", Data: []byte{}}}, txxx...), ""},
		{"padding", rawTag(4, 0, f4("TXXX", 0, "\x03d\x00v"), string(make([]byte, 50))), txxx, ""},
		{"something after the tag", append(rawTag(4, 0, f4("TXXX", 0, "\x03d\x00v")), "TXXX and so on"...), txxx, ""},
		{"footer", append(rawTag(4, 0x10, f4("TXXX", 0, "\x03d\x00v")), "3DI\x04\x00\x10\x00\x00\x00\x0E"...), txxx, ""},
		{"footer missing", rawTag(4, 0x10, f4("TXXX", 0, "\x03d\x00v")), nil, "at byte 6: it has 24 of its 34 bytes"},
		{"2.3 extended header", rawTag(3, 0x40, "\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00", f3("TXXX", 0, "\x03d\x00v")), txxx, ""},
		{"2.4 extended header", rawTag(4, 0x40, "\x00\x00\x00\x06\x01\x00", f4("TXXX", 0, "\x03d\x00v")), txxx, ""},
		{"extended header too long", rawTag(3, 0x40, "\xFF\xFF\xFF\xFF\x00\x00"), nil, "at byte 10: extended header"},
		{"extended header too short", rawTag(4, 0x40, "\x00\x00\x00\x01\x00\x00"), nil, "at byte 10: extended header of 1 bytes in 6"},
		{"no extended header", rawTag(4, 0x40, "\x00"), nil, "at byte 10: no room"},
		{"2.3 unsynchronised", rawTag(3, 0x80, f3("PRIV", 0, "o\x00\xFF\x00\xE0")[:7]+"\x04"+f3("PRIV", 0, "o\x00\xFF\x00\xE0")[8:]), []Frame{{ID: "PRIV", Description: "o", Data: []byte{0xFF, 0xE0}}}, ""},
		{"2.4 unsynchronised", rawTag(4, 0x80, f4("PRIV", 2, "o\x00\xFF\x00\xE0")), []Frame{{ID: "PRIV", Description: "o", Data: []byte{0xFF, 0xE0}}}, ""},
		{"2.4 one frame unsynchronised", rawTag(4, 0, f4("PRIV", 2, "o\x00\xFF\x00\x00"), f4("PRIV", 0, "o\x00\xFF\x00")),
			[]Frame{{ID: "PRIV", Description: "o", Data: []byte{0xFF, 0}}, {ID: "PRIV", Description: "o", Data: []byte{0xFF, 0}}}, ""},
		{"group and data length", rawTag(4, 0, f4("TXXX", 0x41, "g\x00\x00\x00\x04\x03d\x00v")), txxx, ""},
		{"2.3 group", rawTag(3, 0, f3("TXXX", 0x20, "g\x03d\x00v")), txxx, ""},
		{"too short for its flags", rawTag(4, 0, f4("TXXX", 0x41, "g\x00"), f4("TXXX", 0, "\x03d\x00v")), txxx, "at byte 10: frame TXXX: 2 bytes are too few"},
		{"compressed and encrypted", rawTag(4, 0, f4("TXXX", 8, "?"), f4("TXXX", 4, "?"), f4("TXXX", 0, "\x03d\x00v")), txxx, ""},
		{"2.3 compressed and encrypted", rawTag(3, 0, f3("TXXX", 0x80, "?"), f3("TXXX", 0x40, "?"), f3("TXXX", 0, "\x03d\x00v")), txxx, ""},
		{"2.4 with plain size", rawTag(4, 0, plainSize, f4("TXXX", 0, "\x03d\x00v")), append([]Frame{{ID: "TXXX", Description: "d", Text: long}}, txxx...), ""},
		{"2.4 with plain size that could be synchsafe", rawTag(4, 0, "TXXX\x00\x00\x01\x03\x00\x00\x03d\x00"+long+strings.Repeat("y", 56), f4("TXXX", 0, "\x03d\x00v")),
			append([]Frame{{ID: "TXXX", Description: "d", Text: long + strings.Repeat("y", 56)}}, txxx...), ""},
		{"faulty frame in front", rawTag(4, 0, f4("TXXX", 0, "\x07?"), f4("TXXX", 0, "\x03d\x00v")), txxx, "at byte 10: frame TXXX: text encoding 7"},
		{"no description end", rawTag(4, 0, f4("TXXX", 0, "\x03d")), nil, "at byte 10: frame TXXX: the description has no end"},
		{"no text at all", rawTag(4, 0, f4("TXXX", 0, "")), nil, "no text encoding"},
		{"no owner end", rawTag(4, 0, f4("PRIV", 0, "o")), nil, "the owner has no end"},
		{"frame too long", rawTag(4, 0, f4("TXXX", 0, "\x03d\x00v"), "PRIV\x00\x00\x01\x00\x00\x00o\x00"), txxx, "at byte 24: frame PRIV: its 128 bytes don't fit into the 2"},
		{"2.3 frame too long", rawTag(3, 0, "PRIV\xFF\xFF\xFF\xFF\x00\x00o\x00"), nil, "at byte 10: frame PRIV"},
		{"no frame identifier", rawTag(4, 0, "\xFFXXX\x00\x00\x00\x00\x00\x00"), nil, "at byte 10: \"\\xffXXX\" is not"},
		{"version 2.2", rawTag(2, 0, "TXX\x00\x00\x05\x00d\x00v"), nil, "at byte 3: version 2.2"},
		{"no tag", []byte("TAG of another kind"), nil, "at byte 0"},
		{"nothing", nil, nil, "at byte 0"},
		{"size not synchsafe", []byte("ID3\x04\x00\x00\x00\x00\x00\x80"), nil, "at byte 0"},
		{"cut short", rawTag(4, 0, f4("TXXX", 0, "\x03d\x00v"))[:20], nil, "at byte 6: it has 20 of its 24 bytes"},
	}
}

func TestParse(t *testing.T) {
	for _, tt := range tagCases() {
		t.Run(tt.name, func(t *testing.T) {
			before := bytes.Clone(tt.tag)
			frames, err := Parse(tt.tag)
			if !reflect.DeepEqual(frames, tt.frames) {
				t.Errorf("frames %+v, want %+v", frames, tt.frames)
			}
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q in it", err, tt.err)
			}
			if !bytes.Equal(tt.tag, before) {
				t.Error("the tag was changed")
			}
		})
	}
}

// TestParseOfFFmpeg reads tags of both versions that ffmpeg wrote.
func TestParseOfFFmpeg(t *testing.T) {
	const value = `{"text": "Grüße, 日本 🎬"}`
	for _, version := range []string{"3", "4"} {
		path := filepath.Join(t.TempDir(), "a.mp3") // a pipe gets no tag of its final size
		run(t, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine", "-t", "1", "-c:a", "libmp3lame",
			"-metadata", "refstream="+value, "-metadata", "title=Title", "-metadata", "id3v2_priv.owner=\\x01\\x02",
			"-id3v2_version", version, path)
		tag, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		frames, err := Parse(tag)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range frames {
			got = append(got, f.ID+" "+f.Description+" "+f.Text+string(f.Data))
		}
		for _, want := range []string{"TXXX refstream " + value, "TIT2  Title", "PRIV owner \x01\x02"} {
			if !strings.Contains(strings.Join(got, "\n"), want) {
				t.Errorf("version 2.%s: %q is not in %q", version, want, got)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range tagCases() {
		f.Add(tt.tag)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frames, err := Parse(data)
		size := 0
		for _, frame := range frames {
			size += frameHeaderSize + len(frame.Data)
			if len(frame.ID) != 4 || len(frame.Description)+len(frame.Text) > 3*len(data) {
				t.Fatalf("%+v of %d bytes", frame, len(data))
			}
		}
		if size > len(data) {
			t.Fatalf("%d frames of %d bytes have %d", len(frames), len(data), size)
		}
		if n, ok := Size(data); err == nil && (!ok || n > len(data)) {
			t.Fatal("frames of no tag")
		}
	})
}

func TestRestore(t *testing.T) {
	whole, err := Text("d", "v")
	if err != nil {
		t.Fatal(err)
	}
	if got := Restore(whole[5:]); !bytes.Equal(got, whole) {
		t.Errorf("%q is restored as %q", whole[5:], got)
	}
	for _, data := range [][]byte{nil, {0}, whole, whole[4:], whole[6:], whole[5 : len(whole)-1]} {
		if got := Restore(data); !bytes.Equal(got, data) {
			t.Errorf("%q becomes %q", data, got)
		}
	}
}

func TestTextTooLong(t *testing.T) {
	room := MaxSize - len(rawTag(4, 0, rawFrame(4, "TXXX", 0, "\x03d\x00")))
	if tag, err := Text("d", strings.Repeat("v", room)); err != nil || len(tag) != MaxSize {
		t.Errorf("%d bytes, %v", len(tag), err)
	}
	if _, err := Text("d", strings.Repeat("v", room+1)); err == nil || !strings.Contains(err.Error(), "1048577 bytes") {
		t.Errorf("error %v", err)
	}
}
