package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/jsonlines"
	"github.com/refstream/refstream/markers"
)

func someFrames(from, to int64) []markers.FrameRecord {
	var out []markers.FrameRecord
	for n := from; n < to; n++ {
		out = append(out, markers.FrameRecord{Frame: n, PTS: 90000 + 3003*n, Timecode: "00:00:00:00", UTC: time.Unix(n, 5).UTC(),
			Event: fmt.Sprintf("main-e%d", n)})
	}
	return out
}

func openTest(t *testing.T, o Options, open openFunc) *Journal {
	t.Helper()
	j, err := openWith(o, open)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func wantFrames(t *testing.T, j *Journal, want []markers.FrameRecord) {
	t.Helper()
	got, err := j.Frames(t.Context(), "main", markers.Range{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%d frames, want %d:\n%+v\nwant\n%+v", len(got), len(want), got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// logFile is the only file of a kind in the test's channel.
func logFile(t *testing.T, dir string, k markers.Kind) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "main", journalDir, string(k)+"-*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("files of %s: %v, %v: want one", k, names, err)
	}
	return names[0]
}

// TestJournalKilled copies the data directory of a journal that is open, as it is found after a kill -9: all is there.
func TestJournalKilled(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, Options{Dir: dir, FileRecords: 7}, openOSFile)
	must(t, j.PutChannel(t.Context(), someChannel()))
	for n := range int64(40) {
		must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(n, n+1)}))
		if n == 25 {
			must(t, j.Trim(t.Context(), "main", markers.Frames, markers.AtFrame(10)))
		}
		found := filepath.Join(t.TempDir(), "found")
		must(t, os.CopyFS(found, os.DirFS(dir)))
		again := openTest(t, Options{Dir: found, FileRecords: 7}, openOSFile)
		from := int64(0)
		if n >= 25 {
			from = 10
		}
		wantFrames(t, again, someFrames(from, n+1))
		if _, err := again.Channel(t.Context(), "main"); err != nil {
			t.Fatal(err)
		}
		must(t, again.Close())
	}
}

func someChannel() markers.Channel {
	c := markers.Channel{Name: "main", FramesPerSegment: 1}
	c.Rate.Num, c.Rate.Den = 25, 1
	return c
}

// TestJournalTorn cuts the last line at every byte: what was whole is there, and what is appended later is too.
func TestJournalTorn(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, Options{Dir: dir}, openOSFile)
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 3)}))
	must(t, j.Close())
	name := logFile(t, dir, markers.Frames)
	whole, err := os.ReadFile(name)
	must(t, err)
	start := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := start; cut <= len(whole); cut++ {
		for _, tail := range [][]byte{nil, make([]byte, 100)} { // a power cut may leave zeros
			must(t, os.WriteFile(name, append(bytes.Clone(whole[:cut]), tail...), 0o644))
			var said bytes.Buffer
			j := openTest(t, Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&said, nil))}, openOSFile)
			have := int64(2)
			if cut == len(whole) {
				have = 3
			}
			wantFrames(t, j, someFrames(0, have))
			torn := cut != start && cut != len(whole) || tail != nil
			if strings.Contains(said.String(), "cut off") != torn {
				t.Fatalf("cut at %d: log %q", cut, said.String())
			}
			must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(have, 5)}))
			must(t, j.Close())
			j = openTest(t, Options{Dir: dir}, openOSFile)
			wantFrames(t, j, someFrames(0, 5))
			must(t, j.Close())
		}
	}
	// Nothing but a torn line.
	must(t, os.WriteFile(name, whole[:5], 0o644))
	j = openTest(t, Options{Dir: dir}, openOSFile)
	wantFrames(t, j, nil)
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(8, 9)}))
	must(t, j.Close())
	wantFrames(t, openTest(t, Options{Dir: dir}, openOSFile), someFrames(8, 9))
}

// TestJournalCorrupt checks that a line that can't be read is an error that says where it is and what to do.
func TestJournalCorrupt(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(lines [][]byte) [][]byte
		line int
	}{
		"not JSON":    {func(l [][]byte) [][]byte { l[1] = []byte("{\"frame\":\x00}\n"); return l }, 2},
		"last line":   {func(l [][]byte) [][]byte { l[3] = []byte("}\n"); return l }, 4},
		"empty line":  {func(l [][]byte) [][]byte { return slices.Insert(l, 2, []byte("\n")) }, 3},
		"twice":       {func(l [][]byte) [][]byte { return slices.Insert(l, 2, l[1]) }, 3},
		"order":       {func(l [][]byte) [][]byte { l[0], l[2] = l[2], l[0]; return l }, 2},
		"other value": {func(l [][]byte) [][]byte { l[0] = []byte("[]\n"); return l }, 1},
		"negative":    {func(l [][]byte) [][]byte { l[0] = []byte("{\"frame\":-4}\n"); return l }, 1},
		"far away":    {func(l [][]byte) [][]byte { l[3] = []byte("{\"frame\":1000000000000}\n"); return l }, 4},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := openTest(t, Options{Dir: dir}, openOSFile)
			must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 4)}))
			must(t, j.Close())
			file := logFile(t, dir, markers.Frames)
			data, err := os.ReadFile(file)
			must(t, err)
			data = bytes.Join(c.edit(bytes.SplitAfter(data, []byte{'\n'})), nil)
			must(t, os.WriteFile(file, data, 0o644))
			_, err = Open(Options{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s: line %d: ", file, c.line)) ||
				!strings.Contains(err.Error(), "copy") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line that names %s and line %d, and a way out", err, file, c.line)
			}
			if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, data) {
				t.Fatalf("the file was changed (%v)", err)
			}
			// The failed start holds no lock.
			must(t, os.Remove(file))
			must(t, openTest(t, Options{Dir: dir}, openOSFile).Close())
		})
	}
}

// TestJournalCorruptElsewhere checks that a bad description and a torn line in a file that others follow are errors as well.
func TestJournalCorruptElsewhere(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, Options{Dir: dir, FileRecords: 2}, openOSFile)
	for n := range int64(6) {
		must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(n, n+1)}))
	}
	must(t, j.Close())
	first := filepath.Join(dir, "main", journalDir, "frames-0000000000000000000-1.jsonl")
	data, err := os.ReadFile(first)
	must(t, err)
	must(t, os.WriteFile(first, data[:len(data)-3], 0o644))
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), first+": line 2") {
		t.Fatalf("torn line in the middle of the log: %v", err)
	}
	must(t, os.WriteFile(first, data, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "main", channelName), []byte("{"), 0o644))
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), channelName) {
		t.Fatalf("bad %s: %v", channelName, err)
	}
}

func TestJournalLock(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, Options{Dir: dir}, openOSFile)
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 1)}))
	_, err := Open(Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("data directory is in use by process %d ", os.Getpid())) {
		t.Fatalf("second open: %v", err)
	}
	// Another channel of the same directory is free.
	other := openTest(t, Options{Dir: dir, Channels: []string{"other"}}, openOSFile)
	must(t, other.Append(t.Context(), "other", markers.Batch{Frames: someFrames(0, 1)}))
	if err := other.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 1)}); err == nil {
		t.Fatal("a channel in use was opened by an append")
	}
	must(t, j.Close())
	must(t, openTest(t, Options{Dir: dir, Channels: []string{"main"}}, openOSFile).Close())
}

// TestJournalFlat trims a stream that runs for long: files and memory stay as few as they were.
func TestJournalFlat(t *testing.T) {
	dir := t.TempDir()
	const window, perFile = 100, 32
	j := openTest(t, Options{Dir: dir, FileRecords: perFile}, openOSFile)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early uint64
	const n = 20_000
	for f := int64(0); f < n; f += 10 {
		must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(f, f+10)}))
		must(t, j.Trim(t.Context(), "main", markers.Frames, markers.AtFrame(f+10-window)))
		if f == 1000 {
			early = heap()
		}
		names, err := filepath.Glob(filepath.Join(dir, "main", journalDir, "*"))
		must(t, err)
		if len(names) > window/perFile+3 {
			t.Fatalf("%d files at frame %d", len(names), f)
		}
	}
	if late := heap(); late > early+200_000 {
		t.Errorf("%d bytes in use after %d frames, %d after 1000", late, n, early)
	}
	must(t, j.Close())
	wantFrames(t, openTest(t, Options{Dir: dir}, openOSFile), someFrames(n-window, n))
}

func TestJournalOneWrite(t *testing.T) {
	disk := &faultyDisk{room: -1}
	j := openTest(t, Options{Dir: t.TempDir()}, disk.open)
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 3000)}))
	if disk.writes != 1 {
		t.Fatalf("%d writes for one append", disk.writes)
	}
	if n := j.LeftOut()[markers.Frames]; n != 0 {
		t.Fatalf("%d left out", n)
	}
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(2990, 3001)}))
	if n := j.LeftOut()[markers.Frames]; n != 10 {
		t.Fatalf("%d left out, want 10", n)
	}
}

// TestJournalRefused checks that a record that has no JSON form is refused, not taken in and lost.
func TestJournalRefused(t *testing.T) {
	j := openTest(t, Options{Dir: t.TempDir()}, openOSFile)
	bad := markers.FrameRecord{Frame: 1, UTC: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := j.Append(t.Context(), "main", markers.Batch{Frames: []markers.FrameRecord{bad}}); err == nil || errors.Is(err, markers.ErrJournal) {
		t.Fatalf("append: %v", err)
	}
	wantFrames(t, j, []markers.FrameRecord{})
	must(t, j.Ready(t.Context()))
}

func TestJournalUnusableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o644))
	_, err := Open(Options{Dir: filepath.Join(file, "data")})
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Fatalf("error %v does not name %s", err, file)
	}
}

func FuzzReadLines(f *testing.F) {
	lines, err := newKindLog(markers.Frames, nil).encode(markers.Batch{Frames: someFrames(0, 3)}.Records(markers.Frames))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(lines)
	f.Add(lines[:len(lines)-1])
	f.Add([]byte("{}\n{}\n"))
	f.Add([]byte("\n\x00"))
	f.Add([]byte(`{"frame":9223372036854775807,"utc":"9999-12-31T23:59:59+23:59"}` + "\n"))
	f.Add([]byte(`{"frame":20,"last_frame":21,"reason":"lost","at":"2026-01-02T03:04:05Z","place":"40-2"}` + "\n"))
	f.Add([]byte(`{"frame":5,"last_frame":1000000000000,"text":"for ever"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, k := range markers.Kinds() {
			checkLines(t, k, data)
		}
	})
}

func checkLines(t *testing.T, k markers.Kind, data []byte) {
	recs, good, err := readLines(k, data, markers.ID{})
	var where *jsonlines.Error
	if err != nil && (!errors.As(err, &where) || where.Line != len(recs)+1) {
		t.Fatalf("error %v after %d records", err, len(recs))
	}
	if good > len(data) || good > 0 && data[good-1] != '\n' || bytes.Count(data[:good], []byte{'\n'}) != len(recs) {
		t.Fatalf("%d good bytes of %d, %d records", good, len(data), len(recs))
	}
	if err == nil && bytes.IndexByte(data[good:], '\n') >= 0 {
		t.Fatal("a whole line was left")
	}
	for i, r := range recs {
		if i > 0 && recs[i-1].RecordID().Compare(r.RecordID()) >= 0 || r.Validate() != nil {
			t.Fatalf("record %d is out of order, or none: %v", i, r.Validate())
		}
		line, err := json.Marshal(r)
		if err != nil {
			continue // a time in a zone that moves it beyond year 9999 in UTC
		}
		again, _, err := readLines(k, append(line, '\n'), markers.ID{})
		if err != nil || len(again) != 1 {
			t.Fatalf("record %+v reads back as %+v, %v", r, again, err)
		}
		if written, err := json.Marshal(again[0]); err != nil || !bytes.Equal(written, line) {
			t.Fatalf("%s reads back as %s, %v", line, written, err)
		}
	}
}

// A log that is bounded keeps its newest records, also on disk.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	open := func() (*Journal, *kindLog) {
		j, err := Open(Options{Dir: dir, Channels: []string{"main"}, FileRecords: 4})
		if err != nil {
			t.Fatal(err)
		}
		c, _ := j.readable("main")
		return j, c.log(markers.Detections)
	}
	const n = 20
	j, l := open()
	for f := range int64(100) {
		_, err := l.append([]markers.Record{markers.Detection{Source: "a", Place: markers.ID{Frame: f, Sub: 1}}})
		if err = errors.Join(err, l.keep(n)); err != nil {
			t.Fatal(err)
		}
		if kept := l.count(markers.Range{}); kept < min(n, f+1) || kept > n+n/10 {
			t.Fatalf("%d of %d records are kept", kept, f+1)
		}
	}
	kept := l.read(markers.Range{})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j, l = open(); !slices.Equal(l.read(markers.Range{}), kept) || kept[len(kept)-1].RecordID().Frame != 99 {
		t.Errorf("read back %v, want %v", l.read(markers.Range{}), kept)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}
