package verify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
)

// beyond are numbers that no value can be, absurd are those and what can be in a file and nowhere else.
func beyond() []string {
	return []string{"9223372036854775808", "18446744073709551616", "1e308", "-1e308", "1e999999999"}
}

func absurd() []string {
	return append(beyond(), "-1", "-9223372036854775808", "9223372036854775807", "4611686018427387904", "1e-9", "0", "null", `"x"`, "[]", "{}", "true")
}

// spoilt gives a text of JSON once for each number, text and truth value in it and each absurd one in its place.
func spoilt(t *testing.T, text []byte, each func(what, text string)) {
	t.Helper()
	var walk func(v any, set func(json.RawMessage), path string)
	var root any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	write := func(path, number string) {
		b, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		each(path+" = "+number, string(b))
	}
	walk = func(v any, set func(json.RawMessage), path string) {
		if m, ok := v.(map[string]any); ok {
			for name, old := range m {
				walk(old, func(b json.RawMessage) {
					m[name] = b
					write(path+"."+name, string(b))
					m[name] = old
				}, path+"."+name)
			}
			return
		}
		for _, number := range absurd() {
			set(json.RawMessage(number))
		}
	}
	walk(root, nil, "")
}

// TestAbsurdTruth reads a truth with numbers that can't be: it is refused, or holds nothing against the stream but what it
// says; nothing panics, takes long or takes much memory.
func TestAbsurdTruth(t *testing.T) {
	const frames = 120 // with an event
	known := verifytest.Truth(t, frames)
	in := streamData{pictures: perfect(known, frames), kind: input.TS, info: transport()}
	in.statements = statements(known, in.pictures)
	dir := t.TempDir()
	line := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	files := map[string][]byte{
		"truth.json":    line(map[string]any{"channel": verifytest.Channel(), "first_frame": 0, "last_frame": frames - 1, "frames": frames}),
		"frames.jsonl":  line(frameRecord(5)),
		"markers.jsonl": line(known.Markers[0]),
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify := func(what string) error {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		source := truth.Folder(dir)
		channel, err := truth.CheckedChannel(t.Context(), source)
		if err == nil {
			_, err = check(t.Context(), in, channel, source, nil)
		}
		runtime.ReadMemStats(&after)
		if took, bytes := time.Since(began), after.TotalAlloc-before.TotalAlloc; took > time.Minute || bytes > 64<<20 {
			t.Errorf("%s: it took %v and %d bytes", what, took, bytes)
		}
		return err
	}
	for name, text := range files {
		write(name, string(text))
	}
	if err := verify("as it is"); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		spoilt(t, text, func(what, text string) {
			write(name, text)
			err := verify(name + what)
			if number := what[strings.LastIndexByte(what, ' ')+1:]; err == nil && slices.Contains(beyond(), number) {
				t.Errorf("%s%s is taken", name, what)
			}
		})
		write(name, string(text)+"\n"+string(text))
		if err := verify(name + " twice"); err == nil {
			t.Errorf("%s twice: no error", name)
		}
		write(name, string(text))
	}
}

// frameRecord is the ledger's line of a frame.
func frameRecord(n int64) markers.FrameRecord {
	clock := verifytest.Channel().Clock()
	return markers.FrameRecord{
		Frame: n, PTS: clock.PTS(n), DTS: clock.PTS(n), Timecode: clock.Timecode(n).String(), UTC: clock.UTC(n), GenNS: 1, MonoNS: 1, Run: 1,
		MSN: clock.MSN(n), Bytes: 1,
	}
}

// TestAbsurdServer takes no answers without end from a server, and none that take more memory than there is to know.
func TestAbsurdServer(t *testing.T) {
	for name, c := range map[string]struct{ frames, markers, want string }{
		"frames without end":  {`{"frames":[{"frame":1}],"truncated":true,"next":"frames?from=1"}`, `{}`, "nothing new"},
		"other frames":        {`{"frames":[{"frame":-7},{"frame":4611686018427387904}],"truncated":true,"next":"frames?from=1"}`, `{}`, "nothing new"},
		"many frames":         {`{"frames":[{}` + strings.Repeat(`,{}`, 3_000_000) + `]}`, `{}`, "more than 20000 records"},
		"absurd missing":      {`{"missing":[{"frame":-1,"last_frame":9223372036854775807}]}`, `{}`, "is not in 0 to"},
		"markers without end": {`{}`, `{"markers":[{"id":"x","frame":1,"last_frame":1}],"truncated":true,"next":"markers?ts_start=1"}`, "nothing new"},
		"absurd marker":       {`{}`, `{"markers":[{"id":"x","frame":1,"last_frame":1,"scheduled_frame":-9223372036854775808}]}`, "is not in 0 to"},
		"no marker":           {`{}`, `{"markers":[],"truncated":true,"next":"markers?ts_start=1"}`, "nothing new"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := truth.Server(answering(t, map[string]string{"/frames": c.frames, "/markers": c.markers}), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err = s.Between(t.Context(), 0, 9)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 256<<20 {
				t.Errorf("it took %d bytes", bytes)
			}
		})
	}
}

// answering is a server that gives these answers, and the test's channel, again and again.
func answering(t *testing.T, answers map[string]string) string {
	t.Helper()
	channel, err := json.Marshal(verifytest.Channel())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, ok := answers[r.URL.Path]; ok {
			fmt.Fprint(w, a)
			return
		}
		w.Write(channel)
	}))
	t.Cleanup(s.Close)
	return s.URL
}
