package scenes

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func newIndex(t *testing.T, folder string) (*index, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	x, err := openIndex(folder, 0, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return x, &log
}

func add(t *testing.T, x *index, pts int64) {
	t.Helper()
	if err := x.add(Frame{PTS: pts, Reason: ReasonScene, Score: 0.5}, []byte("picture")); err != nil {
		t.Fatal(err)
	}
}

func readIndex(t *testing.T, folder string) []map[string]any {
	t.Helper()
	var list []map[string]any
	d := json.NewDecoder(bytes.NewReader(read(t, folder, indexFile)))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestIndexEntry(t *testing.T) {
	folder := t.TempDir()
	x, _ := newIndex(t, folder)
	n := int64(77)
	if err := x.add(Frame{PTS: 90_001, Position: "0.500000", Number: &n, Score: 0.465, Reason: ReasonScene}, []byte("picture")); err != nil {
		t.Fatal(err)
	}
	want := `[
{"id":"F0001","timestamp":1.000011,"position":0.500000,"pts":90001,"path":"frames/F0001.jpg","sent_to_agent":false,"frame":77,"score":0.465,"reason":"scene"}
]
`
	if got := string(read(t, folder, indexFile)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := string(read(t, folder, "frames/F0001.jpg")); got != "picture" {
		t.Errorf("picture %q", got)
	}
	if names, _ := os.ReadDir(filepath.Join(folder, framesFolder)); len(names) != 2 {
		t.Errorf("files %v", names)
	}
}

// TestIndexOthers has another program set flags, add fields, add an entry and leave one out between two frames.
func TestIndexOthers(t *testing.T) {
	folder := t.TempDir()
	x, log := newIndex(t, folder)
	add(t, x, 1000)
	add(t, x, 2000)
	add(t, x, 3000)
	write(t, folder, indexFile, []byte(`[ {"id":"F0001","timestamp":0.011111,"pts":1000,"path":"frames/F0001.jpg",
	"sent_to_agent":true,"note":{"by":"agent","big":12345678901234567890}},
	{"id":"F0003","pts":3000,"sent_to_agent":true}, {"id":"mine"}]`))
	add(t, x, 4000)
	y, _ := newIndex(t, folder) // as after a restart
	add(t, y, 5000)
	list := readIndex(t, folder)
	var ids []any
	for _, e := range list {
		ids = append(ids, e["id"])
	}
	if want := []any{"F0001", "F0002", "F0003", "mine", "F0004", "F0005"}; !reflect.DeepEqual(ids, want) {
		t.Errorf("ids %v, want %v", ids, want)
	}
	if note, _ := list[0]["note"].(map[string]any); list[0]["sent_to_agent"] != true || note["big"] != json.Number("12345678901234567890") {
		t.Errorf("entry 1: %v", list[0])
	}
	if list[2]["sent_to_agent"] != true || list[1]["sent_to_agent"] != false {
		t.Errorf("entries %v", list)
	}
	if log.Len() > 0 {
		t.Errorf("logged: %s", log)
	}
}

// TestIndexBroken has another program break the file, before the first frame, while frames come, and between two runs.
func TestIndexBroken(t *testing.T) {
	for _, broken := range []string{"", "{", `{"id":"F0001"}`, `[{"id":1}]`, `["F0001"]`, "[\n{\"id\":\"F0001\"},\n", `[] []`, "\x00\x00"} {
		folder := t.TempDir()
		x, log := newIndex(t, folder)
		add(t, x, 1000)
		write(t, folder, indexFile, []byte(broken))
		add(t, x, 2000)
		if list := readIndex(t, folder); len(list) != 2 || list[0]["id"] != "F0001" || list[1]["id"] != "F0002" {
			t.Errorf("%q: %v", broken, list)
		}
		write(t, folder, indexFile, []byte(broken))
		y, _ := newIndex(t, folder)
		add(t, y, 3000)
		if list := readIndex(t, folder); len(list) != 1 || list[0]["id"] != "F0003" {
			t.Errorf("%q, another run: %v", broken, list)
		}
		for _, name := range []string{indexFile + ".broken1", indexFile + ".broken2"} {
			if got := string(read(t, folder, name)); got != broken {
				t.Errorf("%s has %q, want %q", name, got, broken)
			}
		}
		if !strings.Contains(log.String(), "index.json.broken1") {
			t.Errorf("logged: %s", log)
		}
	}
}

func TestIndexManyFrames(t *testing.T) {
	folder := t.TempDir()
	x, _ := newIndex(t, folder)
	x.number = 9998
	add(t, x, 1)
	add(t, x, 2)
	y, _ := newIndex(t, folder)
	add(t, y, 3)
	if list := readIndex(t, folder); list[0]["id"] != "F9999" || list[1]["id"] != "F10000" || list[2]["path"] != "frames/F10001.jpg" {
		t.Errorf("%v", list)
	}
}

// TestIndexNotWritten has the disk refuse: the index stays as it was, and the error says what to do.
func TestIndexNotWritten(t *testing.T) {
	folder := t.TempDir()
	x, _ := newIndex(t, folder)
	add(t, x, 1)
	before := read(t, folder, indexFile)
	// A folder that is not empty has the name of the temporary file: that fails for everybody.
	if err := os.MkdirAll(filepath.Join(folder, indexFile+".tmp", "kept"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := x.add(Frame{PTS: 2}, []byte("picture"))
	if err == nil || !strings.Contains(err.Error(), "index.json") || !strings.Contains(err.Error(), "make room") {
		t.Errorf("error %v", err)
	}
	if got := read(t, folder, indexFile); !bytes.Equal(got, before) {
		t.Errorf("index %s", got)
	}
}

func TestSeconds(t *testing.T) {
	for ticks, want := range map[int64]string{0: "0.000000", 1: "0.000011", 90_000: "1.000000", 89_999: "0.999989", -45_000: "-0.500000",
		1<<33 + 1: "95443.717700"} {
		if got := string(seconds(ticks)); got != want {
			t.Errorf("%d ticks: %s, want %s", ticks, got, want)
		}
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(`[{"id":"F0001","pts":1,"x":[1,2]}, {}]`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := parseIndex(b)
		if err != nil {
			return
		}
		again, err := parseIndex(indexText(entries))
		if err != nil || !reflect.DeepEqual(again, entries) {
			t.Errorf("%v became %v, %v", entries, again, err)
		}
	})
}
