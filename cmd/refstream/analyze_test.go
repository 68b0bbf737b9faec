package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/markers"
)

// runAnalyze is the output of the command analyze.
func runAnalyze(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, told bytes.Buffer
	cmd := newAnalyze(&out, &told)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), told.String(), err
}

// checkAnalyze holds what analyze says of a clip, in every format that files come in, against the ledger.
func (c clip) checkAnalyze(t *testing.T) {
	t.Helper()
	frames := slices.Clone(c.frames)
	slices.SortFunc(frames, func(a, b markers.FrameRecord) int { return cmp.Compare(a.DTS, b.DTS) })
	events := readLines[markers.Marker](t, filepath.Join(c.dir, "markers.jsonl"))
	ticks := map[string]int64{"index.m3u8": 1, "stream.ts": 1, "stream.flv": 90}
	for _, name := range c.files() {
		out, summary, err := runAnalyze(t, filepath.Join(c.dir, name))
		if err != nil {
			t.Fatalf("%v\n%s", err, summary)
		}
		checkRecords(t, parseLines[analyzer.Record](t, []byte(out)), frames, events, ticks[name])
		if !strings.Contains(summary, fmt.Sprintf("%d units", len(frames))) {
			t.Errorf("the summary doesn't count %d units:\n%s", len(frames), summary)
		}
	}
}

// checkRecords holds the records of a stream against its truth; ticks is how exact its time stamps are.
func checkRecords(t *testing.T, records []analyzer.Record, frames []markers.FrameRecord, events []markers.Marker, ticks int64) {
	t.Helper()
	near := func(got, want int64) bool { return got-want < ticks && want-got < ticks }
	count := map[analyzer.Source]int{}
	for _, r := range records {
		i := count[r.Source]
		count[r.Source]++
		switch r.Source {
		case analyzer.PicTiming, analyzer.MISBTime, analyzer.FrameRecord:
			if i >= len(frames) {
				t.Fatalf("more %s records than frames", r.Source)
			}
			f := frames[i] // in decoding order, as the stream is
			if r.Unit != int64(i) || !near(*r.PTS, f.PTS) || !near(*r.DTS, f.DTS) || r.Key != f.Key {
				t.Fatalf("unit %d: %s, the ledger says %+v", i, r.AppendJSON(nil), f)
			}
			switch {
			case r.Source == analyzer.PicTiming && r.Timecode != f.Timecode:
				t.Fatalf("unit %d: timecode %s, the ledger says %s", i, r.Timecode, f.Timecode)
			case r.Source == analyzer.MISBTime && r.UTC.UnixMicro() != f.GenNS/1000:
				t.Fatalf("unit %d: MISB time %v, the ledger says %d", i, r.UTC, f.GenNS)
			case r.Source == analyzer.FrameRecord && (*r.Frame != f.Frame || r.UTC.UnixNano() != f.GenNS):
				t.Fatalf("unit %d: frame record %s, the ledger says %+v", i, r.Extra, f)
			}
		case analyzer.ID3, analyzer.OnCuePoint, analyzer.DateRange:
			if i >= len(events) {
				t.Fatalf("more %s records than events", r.Source)
			}
			if m := events[i]; *r.Frame != m.Frame || !r.UTC.Equal(m.UTC) || r.PTS != nil && !near(*r.PTS, m.PTS) {
				t.Errorf("event %d: %s says frame %d at %v, %v; the truth is %d at %v, %d", i, r.Source, *r.Frame, r.UTC, r.PTS, m.Frame, m.UTC, m.PTS)
			}
		case analyzer.ProgramDateTime, analyzer.OnFI:
			want := frames[0]
			for _, f := range frames {
				if near(*r.PTS, f.PTS) {
					want = f
				}
			}
			switch {
			case !near(*r.PTS, want.PTS):
				t.Errorf("%s at PTS %d, where no frame is", r.Source, *r.PTS)
			case r.Source == analyzer.ProgramDateTime && (!r.UTC.Equal(want.UTC) || *r.MSN != want.MSN || want.Offset != 0):
				t.Errorf("PROGRAM-DATE-TIME %v of segment %d is on frame %+v", r.UTC, *r.MSN, want)
			case r.Source == analyzer.OnFI && (r.Timecode != want.Timecode || r.UTC.UnixMilli() != want.GenNS/1e6):
				t.Errorf("onFI %s is on frame %+v", r.Extra, want)
			}
		}
	}
	for _, s := range []analyzer.Source{analyzer.PicTiming, analyzer.MISBTime, analyzer.FrameRecord} {
		if count[s] != len(frames) {
			t.Errorf("%d records of %s for %d frames", count[s], s, len(frames))
		}
	}
	if n := count[analyzer.ID3] + count[analyzer.OnCuePoint]; n != len(events) || n == 0 {
		t.Errorf("%d ID3 tags or cue points for %d events: %v", n, len(events), count)
	}
}

// TestAnalyzeIsolated reads streams of which some fail, in both formats.
func TestAnalyzeIsolated(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	must(t, "generate", "--size", "160x90", "--duration", "2s", "--out", dir)
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	garbage := filepath.Join(t.TempDir(), "garbage.ts")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no stream. "), 200000), 0o600); err != nil {
		t.Fatal(err)
	}
	good := server.URL + "/index.m3u8"
	out, told, err := runAnalyze(t, "--format", "table", good, server.URL+"/none.m3u8", garbage, good, server.URL+"/frames.jsonl")
	if err == nil || !strings.Contains(err.Error(), "3 of 5 streams failed") || !strings.Contains(err.Error(), "404") ||
		!strings.Contains(err.Error(), "neither HLS") || !strings.Contains(err.Error(), "MPEG transport stream") {
		t.Errorf("%v", err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if !strings.HasPrefix(strings.TrimSpace(lines[0]), "# STREAM TIME") {
		t.Errorf("head %q", lines[0])
	}
	rows := map[string]int{}
	for _, line := range lines[1:] {
		f := strings.Fields(line)
		rows[f[0]+" "+f[2]]++
	}
	if rows["1 sei.frame_record"] != 60 || rows["4 sei.frame_record"] != 60 || rows["2 sei.frame_record"] != 0 {
		t.Errorf("rows %v", rows)
	}
	if strings.Count(told, "failed: ") != 3 || strings.Count(told, "[ended]: 60 units") != 2 {
		t.Errorf("told:\n%s", told)
	}
}

// TestAnalyzeDebug logs each NAL unit with its offset.
func TestAnalyzeDebug(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	must(t, "generate", "--also", "flv", "--size", "160x90", "--duration", "1s", "--segment", "1s", "--out", dir)
	_, told, err := runAnalyze(t, "--debug", filepath.Join(dir, "stream.flv"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(told, `msg="NAL unit"`); n < 60 || !strings.Contains(told, "type=SEI") || !strings.Contains(told, "offset=13 ") ||
		!strings.Contains(told, `msg="script tag"`) {
		t.Errorf("%d NAL units:\n%s", n, tail(told, 1000))
	}
}

func TestAnalyzeUsage(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"no stream is given":           {},
		`"xml" is not a format`:        {"--format", "xml", "a.ts"},
		"-1s is negative":              {"--duration", "-1s", "a.ts"},
		"0s is no time to wait":        {"--stall", "0", "a.ts"},
		"analyze a.ts: open stream":    {"a.ts"},
		"unknown flag: --nonsense":     {"--nonsense"},
		`scheme "ftp" is not read`:     {"ftp://a/b.ts"},
		"2 of 2 streams failed:\na.ts": {"a.ts", "b.ts"},
	} {
		if _, _, err := runAnalyze(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
}

// brokenPipe takes nothing.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestAnalyzeBrokenPipe ends when nobody takes the records.
func TestAnalyzeBrokenPipe(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	cmd := newAnalyze(brokenPipe{}, &told)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs([]string{filepath.Join(sample(t), "index.m3u8")})
	if err := cmd.ExecuteContext(t.Context()); !errors.Is(err, errScreen) {
		t.Errorf("%v", err)
	}
}

// TestSummaryLines shows what is known of a stream.
func TestSummaryLines(t *testing.T) {
	t.Parallel()
	var s analyzer.Summary
	if got := summaryLines("a", &s); len(got) != 1 || got[0] != "a [waiting]: 0 units, 0 records, 0.00 frames/s, at 0 s" {
		t.Errorf("%q", got)
	}
	var r analyzer.Record
	line := `{"stream_url":"a","timestamp":"2026-01-31T12:00:03Z","stream_time":1,"pts":90000,"dts":90000,"duration":3600,` +
		`"source":"sei.misb","extra_data":{},"unit":0,"key":true,"utc":"2026-01-31T12:00:00Z","offset":0}`
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		t.Fatal(err)
	}
	s.AddRecord(r)
	if got := summaryLines("a", &s); len(got) != 2 || got[1] != "  sei.misb              against PTS: +0.000 ms in 0s; 3s behind the wall clock" {
		t.Errorf("%q", got)
	}
}
