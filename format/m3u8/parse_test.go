package m3u8

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
)

func mustParse(t testing.TB, text string) *Playlist {
	t.Helper()
	p, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return p
}

// warned are the lines and texts of the warnings.
func warned(p *Playlist) (list []string) {
	for _, w := range p.Warnings {
		list = append(list, fmt.Sprintf("%d: %s", w.Line, w.Text))
	}
	return list
}

func TestParseMedia(t *testing.T) {
	t.Parallel()
	p := mustParse(t, "\xEF\xBB\xBF#EXTM3U\r\n"+`
#EXT-X-VERSION:8
#EXT-X-TARGETDURATION:5
#EXT-X-MEDIA-SEQUENCE:2680
#EXT-X-DISCONTINUITY-SEQUENCE:4
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-START:TIME-OFFSET=-7.25,PRECISE=YES
#EXT-X-DEFINE:NAME="host",VALUE="https://cdn.example/x"
# a comment
#EXT-X-MAP:URI="init.mp4",BYTERANGE="720@0"
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:00:00.123456789+02:00
#EXT-X-DATERANGE:ID="a,b",CLASS="c=d",START-DATE="2026-11-21T08:00:00Z",END-DATE="2026-11-21T08:00:02Z",DURATION=2.000000001,PLANNED-DURATION=3,END-ON-NEXT=NO,X-N=7,SCTE35-OUT=0xFC
#EXTINF:4.004004004,Title, with a comma
#EXT-X-BYTERANGE:1000@720
{$host}/all.mp4
#EXT-X-KEY:METHOD=AES-128,URI="k1",IV=0x000102030405060708090A0B0C0D0E0F
#EXTINF:4.9999999995
#EXT-X-BYTERANGE:500
{$host}/all.mp4
#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"
#EXT-X-DISCONTINUITY
#EXT-X-GAP
#EXT-X-BITRATE:1200
#EXTINF:5,
  c.ts  
#EXT-X-KEY:METHOD=NONE
#EXT-X-DISCONTINUITY
#EXTINF:5,
d.ts
#EXT-X-ENDLIST
`)
	if p.Version != 8 || !p.Independent || p.Multivariant != nil || *p.Start != (Start{-7250000000, true}) || len(p.Warnings) > 0 {
		t.Errorf("%+v", p)
	}
	m := p.Media
	if m.TargetDuration != 5e9 || m.MediaSequence != 2680 || m.Type != "EVENT" || !m.End || len(m.Segments) != 4 {
		t.Fatalf("%+v", m)
	}
	const all = "https://cdn.example/x/all.mp4"
	iv := [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	aes := Key{"AES-128", "k1", &iv, "identity", ""}
	drm := Key{"SAMPLE-AES", "skd://x", nil, "com.apple.streamingkeydelivery", "1"}
	initMap := &Map{URI: "init.mp4", Range: &ByteRange{720, 0}}
	date := time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.FixedZone("", 7200))
	for i, want := range []MediaSegment{
		{URI: all, Line: 17, MSN: 2680, DiscontinuitySequence: 4, Duration: 4004004004, Title: "Title, with a comma",
			ProgramDateTime: date, Range: &ByteRange{1000, 720}, Map: initMap},
		{URI: all, Line: 21, MSN: 2681, DiscontinuitySequence: 4, Duration: 5000000000, Range: &ByteRange{500, 1720},
			Keys: []Key{aes}, Map: initMap},
		{URI: "c.ts", Line: 27, MSN: 2682, DiscontinuitySequence: 5, Discontinuity: true, Gap: true, Duration: 5e9,
			Keys: []Key{aes, drm}, Map: initMap, Bitrate: 1200000},
		{URI: "d.ts", Line: 31, MSN: 2683, DiscontinuitySequence: 6, Discontinuity: true, Duration: 5e9, Map: initMap,
			Bitrate: 1200000},
	} {
		if got := m.Segments[i]; describeSegment(got) != describeSegment(want) {
			t.Errorf("segment %d is\n%s, want\n%s", i, describeSegment(got), describeSegment(want))
		}
	}
	d := m.DateRanges[0]
	if d.ID != "a,b" || d.Class != "c=d" || d.End.Sub(d.Start) != 2*time.Second || *d.Duration != 2000000001 ||
		*d.PlannedDuration != 3e9 || d.EndOnNext || len(d.Attributes) != 9 || d.Attributes[7] != (Attribute{"X-N", "7", false}) {
		t.Errorf("%+v", d)
	}
	for i, want := range []time.Duration{0, 4004004004, -1, -1} {
		at := m.DateTimes()[i]
		if ok := !at.IsZero(); ok != (want >= 0) || ok && at.Sub(date) != want {
			t.Errorf("segment %d is at %v", i, at)
		}
	}
}

// describeSegment writes out all of a segment, also what pointers point to.
func describeSegment(s MediaSegment) string {
	keys := func(list []Key) (b string) {
		for _, k := range list {
			iv := ""
			if k.IV != nil {
				iv = fmt.Sprintf("%x", *k.IV)
			}
			b += fmt.Sprintf(" %s|%s|%s|%s|%s", k.Method, k.URI, iv, k.Format, k.Versions)
		}
		return b
	}
	b := fmt.Sprintf("range %q keys %q ", partOf(s.Range), keys(s.Keys))
	if s.Map != nil {
		b += fmt.Sprintf("map %q %q keys %q ", s.Map.URI, partOf(s.Map.Range), keys(s.Map.Keys))
	}
	b += s.ProgramDateTime.Format(time.RFC3339Nano)
	s.Range, s.Keys, s.Map, s.ProgramDateTime = nil, nil, nil, time.Time{}
	return fmt.Sprintf("%s %+v", b, s)
}

func TestParseMultivariant(t *testing.T) {
	t.Parallel()
	p := mustParse(t, `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="audio.m3u8"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="CC",INSTREAM-ID="CC1"
#EXT-X-STREAM-INF:BANDWIDTH=1280000,AVERAGE-BANDWIDTH=1000000,CODECS="avc1.4d401f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="a"

low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=7680000
hi/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=7680000
hi2/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=86000,URI="low/iframe.m3u8"
`)
	m := p.Multivariant
	if p.Media != nil || m == nil || len(m.Variants) != 3 || len(m.Renditions) != 2 || len(m.IFrames) != 1 || len(p.Warnings) > 0 {
		t.Fatalf("%+v", p)
	}
	v := m.Variants[0]
	if v.URI != "low/index.m3u8" || v.Bandwidth != 1280000 || v.AverageBandwidth != 1000000 || v.Width != 640 || v.Height != 360 ||
		v.FrameRate != "29.970" || v.Audio != "a" || v.Codecs != "avc1.4d401f,mp4a.40.2" || v.Line != 4 {
		t.Errorf("%+v", v)
	}
	if r := m.Renditions[0]; r.URI != "audio.m3u8" || !r.Default || !r.Autoselect || r.Language != "en" || r.GroupID != "a" {
		t.Errorf("%+v", r)
	}
}

// TestOddPlaylists reads what isn't as it should be: what can be used is, and the rest is told.
func TestOddPlaylists(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, warnings, segments string }{
		{"no target duration", "#EXTINF:3.2,\na\n#EXTINF:4.1,\nb", "5: EXT-X-TARGETDURATION is missing: taken as 5 s", "0 a 3.2, 1 b 4.1"},
		{"numbers late", "#EXT-X-TARGETDURATION:4\n#EXTINF:3,\na\n#EXT-X-MEDIA-SEQUENCE:7", "", "7 a 3"},
		{"URI without EXTINF", "#EXT-X-TARGETDURATION:4\na\n#EXTINF:3,\nb", `3: URI "a" has neither EXTINF nor EXT-X-STREAM-INF before it`, "0 b 3"},
		{"EXTINF without URI", "#EXT-X-TARGETDURATION:4\n#EXTINF:3,\n#EXTINF:2,\nb\n#EXTINF:1",
			"4: the EXTINF before this one has no URI; 6: EXTINF has no URI", "0 b 2"},
		{"no duration", "#EXT-X-TARGETDURATION:4\n#EXTINF:x,\nb", `3: EXTINF: "x" is no number of seconds`, "0 b 0"},
		{"negative duration", "#EXT-X-TARGETDURATION:4\n#EXTINF:-1,\nb", `3: EXTINF: "-1" is no number of seconds`, "0 b 0"},
		{"decimal target", "#EXT-X-TARGETDURATION:4.5\n#EXTINF:1.,\nb\n#EXTINF:.5,\nc", "", "0 b 1, 1 c 0.5"},
		{"negative number", "#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:-1\n#EXTINF:1,\nb",
			`3: EXT-X-MEDIA-SEQUENCE: "-1" is no number from 0 to 4611686018427387903`, "0 b 1"},
		{"range from nowhere", "#EXT-X-TARGETDURATION:4\n#EXTINF:1,\n#EXT-X-BYTERANGE:10\nb",
			"5: EXT-X-BYTERANGE has no offset, and the segment before is no range of the same resource: taken from byte 0", "0 b 1 10@0"},
		{"empty range", "#EXT-X-TARGETDURATION:4\n#EXTINF:1,\n#EXT-X-BYTERANGE:0@5\nb", "4: EXT-X-BYTERANGE is empty", "0 b 1"},
		{"unknown tags", "#EXT-X-TARGETDURATION:4\n#EXT-OATCLS-SCTE35:x\n#EXT-X-FUTURE:A=1\n#EXTINF:1\nb", "", "0 b 1"},
		{"variable unknown", "#EXT-X-TARGETDURATION:4\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"1\"\n#EXTINF:1\n{$b}", `5: variable "b" is not defined`, "0 {$b} 1"},
		{"braces without variables", "#EXT-X-TARGETDURATION:4\n#EXTINF:1\n{$b}", "", "0 {$b} 1"},
		{"skipped", "#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:1\nb", "", "8 b 1"},
		{"dates", "#EXT-X-TARGETDURATION:4\n#EXT-X-PROGRAM-DATE-TIME:yesterday\n#EXT-X-DATERANGE:START-DATE=\"2026-01-01T00:00:00Z\"\n" +
			"#EXT-X-DATERANGE:ID=\"x\"\n#EXTINF:1\nb", `3: EXT-X-PROGRAM-DATE-TIME: "yesterday" is no date with time; ` +
			`4: EXT-X-DATERANGE has no ID; 5: EXT-X-DATERANGE START-DATE: "" is no date with time`, "0 b 1"},
		{"attributes", "#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\nx\n#EXT-X-MAP:URI=\"m\" ,BYTERANGE=\"5\"x,\n#EXTINF:1\nb",
			`3: EXT-X-KEY: the quotes of URI don't end; 4: URI "x" has neither EXTINF nor EXT-X-STREAM-INF before it; ` +
				`5: EXT-X-MAP: "x" follows the value of BYTERANGE`, "0 b 1"},
		{"nothing", "", "1: EXT-X-TARGETDURATION is missing: taken as 0 s", ""},
	} {
		p := mustParse(t, "#EXTM3U\n"+c.text)
		if got := strings.Join(warned(p), "; "); got != c.warnings {
			t.Errorf("%s: warnings\n%s, want\n%s", c.name, got, c.warnings)
		}
		var list []string
		for _, s := range p.Media.Segments {
			text := fmt.Sprintf("%d %s %v", s.MSN, s.URI, s.Duration)
			if s.Range != nil {
				text += fmt.Sprintf(" %d@%d", s.Range.Length, s.Range.Offset)
			}
			list = append(list, text)
		}
		if got := strings.Join(list, ", "); got != c.segments {
			t.Errorf("%s: segments %s, want %s", c.name, got, c.segments)
		}
	}
}

// failingReader fails after some text.
type failingReader struct{ r io.Reader }

var errBroken = errors.New("broken")

func (f failingReader) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if errors.Is(err, io.EOF) {
		err = errBroken
	}
	return n, err
}

func TestNoPlaylist(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                    "line 1 (byte 0): it is empty",
		"\r\n\r\n":            "line 1 (byte 0): it is empty",
		"\n<html><body>404\n": `line 2 (byte 1): it is "<html><body>404", not #EXTM3U`,
		"#EXTINF:1\na":        `line 1 (byte 0): it is "#EXTINF:1", not #EXTM3U`,
		"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx\n#EXTINF:1\na":      "line 5 (byte 50): the playlist has variants and segments",
		"#EXTM3U\n" + strings.Repeat("x", 2<<20):                       "line 2 (byte 8): it is longer than 1048576 bytes",
		"#EXTM3U\n" + strings.Repeat("#EXTINF:1\na\n", maxEntries+1):   "there are more than 700000 segments and attributes",
		"#EXTM3U\n#EXT-X-KEY:" + strings.Repeat("A=1,", maxLine/4-100): "",
	} {
		p, err := Parse(strings.NewReader(text))
		if want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, %v, want %s", text, p, err, want)
		}
	}
	if _, err := Parse(failingReader{strings.NewReader("#EXTM3U\n")}); !errors.Is(err, errBroken) {
		t.Errorf("a reader that fails: %v", err)
	}
	if _, err := (Parser{Memory: 1 << 30}).Parse(make([]byte, MaxText+1)); err == nil {
		t.Error("a playlist that is too long: no error")
	}
}

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "10": 10e9, "9.009": 9009000000, "0.0333333333333": 33333333, "2.0020000005": 2002000001, "-0.5": -5e8,
		"+1.5": 15e8, "1.": 1e9, ".25": 25e7, "0.99999999949": 999999999, "0.9999999995": 1e9,
		"": -1, ".": -1, "1e3": -1, "NaN": -1, "1.2.3": -1, "--1": -1, "99999999999": -1, "0x1": -1, "1,5": -1,
	} {
		if got, ok := parseDecimal(text); ok != (want != -1) || ok && got != media.Seconds(want) {
			t.Errorf("%q is %d, %v, want %d", text, got, ok, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 2, 28, 23, 59, 59, 500000000, time.UTC)
	for text, zone := range map[string]bool{
		"2026-02-28T23:59:59.5Z": true, "2026-02-28t23:59:59.500z": true, "2026-02-28 23:59:59.5Z": true,
		"2026-03-01T01:29:59.5+01:30": true, "2026-03-01T01:29:59.500+0130": true, "2026-03-01T00:59:59.5+01": true,
		"2026-02-28T23:59:59,5Z": true, "2026-02-28T23:59:59.500000000000Z": true, "2026-02-28T23:59:59.5": false,
	} {
		if got, gotZone, ok := parseTime(text); !ok || gotZone != zone || !got.Equal(want) {
			t.Errorf("%q is %v, zone %v, %v", text, got, gotZone, ok)
		}
	}
	for _, text := range []string{"", "2026-02-30T00:00:00Z", "2026-02-28", "1767225600", "2026-02-28T23:59:59.5Q"} {
		if got, _, ok := parseTime(text); ok {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// TestDateTime finds the time of segments from their neighbours'.
func TestDateTime(t *testing.T) {
	t.Parallel()
	m := mustParse(t, `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXTINF:1.5,
a
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:10Z
#EXTINF:2,
b
#EXTINF:2,
c
#EXT-X-DISCONTINUITY
#EXTINF:2,
d
`).Media
	at := time.Date(2026, 1, 1, 0, 0, 10, 0, time.UTC)
	for i, want := range map[int]time.Duration{0: -1500 * time.Millisecond, 1: 0, 2: 2 * time.Second, 3: math.MinInt64} {
		got := m.DateTimes()[i]
		if ok := !got.IsZero(); ok != (want != math.MinInt64) || ok && got.Sub(at) != want {
			t.Errorf("segment %d is at %v", i, got)
		}
	}
}

// TestVariables takes variables from everywhere, and can't be made to fill the memory.
func TestVariables(t *testing.T) {
	t.Parallel()
	parser := Parser{Imports: map[string]string{"token": "t1"}, Query: map[string][]string{"session": {"s1"}}, Memory: 1 << 20}
	p, err := parser.Parse([]byte(`#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-DEFINE:IMPORT="token"
#EXT-X-DEFINE:QUERYPARAM="session"
#EXT-X-DEFINE:IMPORT="other"
#EXTINF:2,
a?{$token}&{$session}&{$
`))
	if err != nil || p.Media.Segments[0].URI != "a?t1&s1&{$" || len(p.Warnings) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	big := "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"" + strings.Repeat("x", 1<<19) + "\"\n" +
		strings.Repeat("#EXTINF:2,\n{$a}{$a}{$a}\n#EXTINF:2,\n{$a}\n", 1000)
	size := 0
	for _, s := range mustParse(t, big).Media.Segments {
		size += len(s.URI)
	}
	if size > MaxText+1000*100 {
		t.Errorf("%d bytes of URIs came of %d", size, len(big))
	}
}

func partOf(r *ByteRange) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("\n%d+%d", r.Offset, r.Length)
}
