package analyzer

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/input"
)

// encodeHLS makes an HLS stream of ffmpeg's own in a directory, and gives the playlist.
func encodeHLS(tb testing.TB, seconds string, args ...string) string {
	tb.Helper()
	dir := tb.TempDir()
	key := filepath.Join(dir, "file.key")
	if err := os.WriteFile(key, []byte("0123456789abcdef"), 0o600); err != nil {
		tb.Fatal(err)
	}
	info := filepath.Join(dir, "key.info")
	if err := os.WriteFile(info, []byte("file.key\n"+key+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	out := filepath.Join(dir, "index.m3u8")
	all := []string{
		"-f", "lavfi", "-i", "testsrc=rate=25:size=320x180:duration=" + seconds, "-c:v", "libx264", "-preset", "ultrafast",
		"-g", "25", "-bf", "2", "-x264-params", "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:pic-struct=1:b-adapt=0",
		"-f", "hls", "-hls_time", "1", "-hls_list_size", "0",
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "KEYINFO", info)
	}
	ffmpeg(tb, append(append(all, args...), out)...)
	return out
}

// TestForeignHLS reads HLS that ffmpeg made in all its forms, from files and over HTTP.
func TestForeignHLS(t *testing.T) {
	all := map[string][]string{
		"TS":          {"-hls_flags", "program_date_time"},
		"fMP4":        {"-hls_segment_type", "fmp4", "-hls_flags", "program_date_time"},
		"byte ranges": {"-hls_flags", "single_file"},
		"fMP4 ranges": {"-hls_segment_type", "fmp4", "-hls_flags", "single_file"},
		"AES-128":     {"-hls_key_info_file", "KEYINFO"},
		"master":      {"-master_pl_name", "master.m3u8"},
	}
	if testing.Short() { // TestCapture has both fMP4 and ranges
		delete(all, "fMP4 ranges")
	}
	for name, args := range all {
		t.Run(name, func(t *testing.T) {
			path := encodeHLS(t, "3.4", args...)
			server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(path))))
			defer server.Close()
			file := "/index.m3u8"
			if name == "master" {
				file = "/master.m3u8"
			}
			// ffprobe reads the same over HTTP: keys of files are not for it.
			want := packets(t, server.URL+"/index.m3u8")
			timing := traceMessages(t, server.URL+"/index.m3u8", "Picture Timing")
			for _, url := range []string{filepath.Dir(path) + file, "file://" + filepath.Dir(path) + file, server.URL + file} {
				r := analyze(t, url)
				if len(r.units) != len(want) || len(want) != 85 {
					t.Fatalf("%s: %d units, ffprobe has %d: %v", url, len(r.units), len(want), r.notes)
				}
				for i, u := range r.units {
					if u.PTS != want[i].PTS || u.DTS != want[i].DTS || u.Key != want[i].Key || u.MSN != int64(i/25) || u.URI == "" {
						t.Fatalf("%s: unit %d is %+v, ffprobe says %+v", url, i, u, want[i])
					}
				}
				got := r.of(PicTiming)
				if len(got) != len(want) || r.kinds() != "connected ended" {
					t.Fatalf("%s: %d pic_timing records, notes %v", url, len(got), r.notes)
				}
				for i, rec := range got {
					compareTiming(t, i, rec, timing[i][0])
				}
				compareDateTimes(t, r, readFile(t, path))
			}
		})
	}
}

// compareDateTimes compares the PROGRAM-DATE-TIME records with the text of the playlist.
func compareDateTimes(t *testing.T, r *result, playlist []byte) {
	t.Helper()
	got := r.of(ProgramDateTime)
	n := 0
	for line := range strings.Lines(string(playlist)) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), "#EXT-X-PROGRAM-DATE-TIME:")
		if !ok {
			continue
		}
		if n == len(got) {
			t.Fatalf("%d PROGRAM-DATE-TIME records", n)
		}
		at, err := time.Parse("2006-01-02T15:04:05.000-0700", value)
		if err != nil {
			t.Fatal(err)
		}
		rec, unit := got[n], r.units[25*n]
		if !rec.UTC.Equal(at) || *rec.PTS != unit.PTS || rec.Unit != unit.Number || *rec.MSN != int64(n) || !rec.Key {
			t.Errorf("record %d is %v at unit %d, PTS %d; want %v at %d, %d", n, rec.UTC, rec.Unit, *rec.PTS, at, unit.Number, unit.PTS)
		}
		n++
	}
	if n != len(got) {
		t.Errorf("%d PROGRAM-DATE-TIME records, the playlist has %d", len(got), n)
	}
}

// liveHLS is a playlist that changes with each time that it is asked for.
type liveHLS struct {
	dir      string
	versions []func(w http.ResponseWriter)
	asked    int
}

func (l *liveHLS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/live.m3u8" {
		http.FileServer(http.Dir(l.dir)).ServeHTTP(w, r)
		return
	}
	version := l.versions[min(l.asked, len(l.versions)-1)]
	l.asked++
	version(w)
}

// window is a live playlist of the segments from first to last; end ends it.
func window(first, last int, more string, end bool) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		fmt.Fprintf(w, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n%s", first, more)
		for n := first; n <= last; n++ {
			fmt.Fprintf(w, "#EXT-X-PROGRAM-DATE-TIME:2026-01-31T12:00:%02d.000Z\n#EXTINF:1.0,\nindex%d.ts\n", n, n)
		}
		if end {
			fmt.Fprintln(w, "#EXT-X-ENDLIST")
		}
	}
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

// TestLiveHLS follows a live playlist through faults, and reads each segment once.
func TestLiveHLS(t *testing.T) {
	path := encodeHLS(t, "8")
	dir := filepath.Dir(path)
	for _, n := range []string{"index4.ts"} {
		if err := os.Remove(filepath.Join(dir, n)); err != nil {
			t.Fatal(err)
		}
	}
	ranges := "#EXT-X-DATERANGE:ID=\"e1\",CLASS=\"x\",START-DATE=\"2026-01-31T12:00:01.5Z\",DURATION=2.5,X-IO-REFSTREAM-FRAME=38\n"
	live := &liveHLS{dir: dir, versions: []func(http.ResponseWriter){
		window(0, 1, "", false), window(0, 1, "", false), window(0, 2, ranges, false), status(404), status(500), status(500),
		window(1, 3, ranges, false), window(2, 5, ranges, false), window(5, 7, strings.Replace(ranges, "2.5", "3.5", 1), true),
	}}
	var r result
	inTime(t, live, func(t *testing.T, client *http.Client) {
		o := r.options()
		o.HTTP, o.Follow = client, true
		if err := Run(t.Context(), "http://test/live.m3u8", o, r.handle); err != nil {
			t.Fatalf("%v: %s", err, r.kinds())
		}
	})
	var segments []int64
	for _, u := range r.units {
		if n := len(segments); n == 0 || segments[n-1] != u.MSN {
			segments = append(segments, u.MSN)
		}
	}
	if got := fmt.Sprint(segments); got != "[0 1 2 3 5 6 7]" || len(r.units) != 7*25 {
		t.Errorf("segments %s in %d units", got, len(r.units))
	}
	text := fmt.Sprint(r.notes)
	for _, want := range []string{"404 Not Found", "500 Internal", "segment 4 (index4.ts) can't be had", "the stream goes on", "has ended after 175"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing said of %q in %s", want, text)
		}
	}
	dates := r.of(DateRange)
	if len(dates) != 2 || *dates[0].Frame != 38 || *dates[0].Duration != 225000 || *dates[1].Duration != 315000 || dates[0].PTS != nil ||
		!dates[0].UTC.Equal(time.Date(2026, 1, 31, 12, 0, 1, 5e8, time.UTC)) ||
		string(dates[0].Extra) != `{"ID":"e1","CLASS":"x","START-DATE":"2026-01-31T12:00:01.5Z","DURATION":"2.5","X-IO-REFSTREAM-FRAME":"38"}` {
		t.Errorf("date ranges %+v", dates)
	}
	if pdt := r.of(ProgramDateTime); len(pdt) != 7 || pdt[3].UTC.Second() != 3 || *pdt[3].MSN != 3 {
		t.Errorf("PROGRAM-DATE-TIME %+v", pdt)
	}
}

// TestGaps tells of segments that are not there once.
func TestGaps(t *testing.T) {
	path := encodeHLS(t, "5")
	text := string(readFile(t, path))
	for _, n := range []string{"0", "2", "3"} {
		text = strings.Replace(text, "index"+n+".ts", "#EXT-X-GAP\nindex"+n+".ts", 1)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := analyze(t, path)
	if k := r.kinds(); k != "connected missing missing jump ended" || r.notes[1].Text != "segment 0 (index0.ts) is a gap" ||
		r.notes[2].Text != "2 segments from 2 (index2.ts) on are gaps" || len(r.units) != 50 {
		t.Errorf("%d units, notes %v", len(r.units), r.notes)
	}
}

// TestStalledHLS notices a playlist that stays the same.
func TestStalledHLS(t *testing.T) {
	path := encodeHLS(t, "3")
	live := &liveHLS{dir: filepath.Dir(path), versions: []func(http.ResponseWriter){window(0, 1, "", false)}}
	inTime(t, live, func(t *testing.T, client *http.Client) {
		var r result
		o := r.options()
		o.HTTP, o.Stall = client, time.Millisecond
		began := time.Now()
		err := Run(t.Context(), "http://test/live.m3u8", o, r.handle)
		if err == nil || !strings.Contains(err.Error(), "the playlist has not changed for 3s") || len(r.units) != 50 ||
			time.Since(began) != 3*time.Second {
			t.Errorf("%v after %d units, %v", err, len(r.units), time.Since(began))
		}
	})
}

// TestCapture stores streams, and wants the copies to be like what was copied.
func TestCapture(t *testing.T) {
	key := encodeHLS(t, "3", "-hls_key_info_file", "KEYINFO", "-hls_flags", "program_date_time")
	fmp4 := encodeHLS(t, "3", "-hls_segment_type", "fmp4", "-hls_flags", "single_file+program_date_time")
	mux := http.NewServeMux()
	mux.Handle("/key/", http.StripPrefix("/key", http.FileServer(http.Dir(filepath.Dir(key)))))
	mux.Handle("/fmp4/", http.StripPrefix("/fmp4", http.FileServer(http.Dir(filepath.Dir(fmp4)))))
	stream := readFile(t, encode(t, "a.ts", "2", "-bf", "0", "-x264-params", "pic-struct=1"))
	mux.HandleFunc("/live", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(stream[:len(stream)*3/4]) // in the middle of a picture
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	o := Options{Now: time.Now}
	for _, name := range []string{"key", "fmp4"} {
		url := server.URL + "/" + name + "/index.m3u8"
		c, err := Capture(within(t), url, filepath.Join(t.TempDir(), "a"), o, 0)
		if err != nil || segmentsIn(t, c) != 3 || c.Kind != input.HLS {
			t.Fatalf("%s: %+v, %v", name, c, err)
		}
		want, got := analyze(t, url), analyze(t, c.Path)
		if len(got.records) != len(want.records) || len(got.units) != 75 {
			t.Fatalf("%s: %d records of %d, %d units", name, len(got.records), len(want.records), len(got.units))
		}
		for i, rec := range got.records {
			w := want.records[i]
			if rec.Source != w.Source || *rec.PTS != *w.PTS || !bytes.Equal(rec.Extra, w.Extra) {
				t.Fatalf("%s: record %d is %s %s, want %s %s", name, i, rec.Source, rec.Extra, w.Source, w.Extra)
			}
		}
		if n := len(packets(t, c.Path)); n != 75 {
			t.Errorf("%s: ffprobe finds %d packets in the copy", name, n)
		}
	}

	dir := t.TempDir()
	var c Captured
	inTime(t, mux, func(t *testing.T, client *http.Client) {
		var err error
		if c, err = Capture(t.Context(), "http://test/live", dir, Options{Now: time.Now, HTTP: client}, 300*time.Millisecond); err != nil || c.Kind != input.TS {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	b := readFile(t, c.Path)
	if !bytes.HasPrefix(stream, b) || int64(len(b)) != c.Bytes || len(b)%188 != 0 {
		t.Errorf("%d bytes, which are not the stream's", len(b))
	}
	// What is there is whole: the reader finds every picture but the last in the part that came as it is in the copy.
	whole := packets(t, c.Path)
	all := analyze(t, c.Path)
	if len(all.units) != len(whole) || len(whole) == 0 || strings.Contains(all.kinds(), "damaged") {
		t.Errorf("%d units, ffprobe has %d: %v", len(all.units), len(whole), all.notes)
	}
	for i, p := range whole {
		end := int64(len(b))
		if i+1 < len(whole) {
			end = whole[i+1].Pos
		}
		if p.Pos >= end {
			t.Errorf("packet %d at %d", i, p.Pos)
		}
	}

	if c, err := Capture(t.Context(), key, t.TempDir(), o, 0); err != nil || segmentsIn(t, c) != 3 {
		t.Errorf("of a file: %+v, %v", c, err)
	}
	own := encode(t, "b.ts", "1")
	if c, err := Capture(t.Context(), own, t.TempDir(), o, 0); err != nil || c.Path != own || c.Bytes == 0 {
		t.Errorf("of a file: %+v, %v", c, err)
	}
	if _, err := Capture(t.Context(), server.URL+"/nothing", t.TempDir(), o, 0); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("of nothing: %v", err)
	}
}
