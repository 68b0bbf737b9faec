package mpd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// list is what Reader makes of a manifest, a line for each segment.
func list(p *m3u8.Playlist) string {
	var b strings.Builder
	for _, s := range p.Media.Segments {
		fmt.Fprintf(&b, "%d %s %s", s.MSN, s.URI, s.Duration)
		if s.Map != nil {
			fmt.Fprintf(&b, " init %s", s.Map.URI)
		}
		if !s.ProgramDateTime.IsZero() {
			fmt.Fprintf(&b, " at %s", s.ProgramDateTime.Format("04:05.000"))
		}
		if s.Gap {
			b.WriteString(" gap")
		}
		if s.Discontinuity {
			b.WriteString(" new")
		}
		b.WriteString("\n")
	}
	if p.Media.End {
		b.WriteString("end\n")
	}
	return b.String()
}

const head = `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="x" minBufferTime="PT1S" `

// TestReader reads manifests as others write them.
func TestReader(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 20, 500e6, time.UTC)
	for name, c := range map[string]struct{ text, want string }{
		"a live template with a duration": {head + `type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" timeShiftBufferDepth="PT6S" minimumUpdatePeriod="P0Y0M0DT0H8M0.0S">
			<BaseURL>https://cdn.example/a/b.mpd?x=1</BaseURL><Period id="1" start="PT0S"><BaseURL>p/</BaseURL><AdaptationSet mimeType="video/mp4">
			<SegmentTemplate timescale="1000" duration="2000" startNumber="5" media="$RepresentationID$/$Number%04d$-$Bandwidth$.m4s" initialization="/i/$RepresentationID$.mp4"/>
			<Representation id="v1" bandwidth="7"/></AdaptationSet></Period></MPD>`, `12 https://cdn.example/a/p/v1/0012-7.m4s 2 init https://cdn.example/i/v1.mp4 at 00:14.000
13 https://cdn.example/a/p/v1/0013-7.m4s 2 init https://cdn.example/i/v1.mp4 at 00:16.000
14 https://cdn.example/a/p/v1/0014-7.m4s 2 init https://cdn.example/i/v1.mp4 at 00:18.000
`},
		"a clip of two periods by time": {head + `type="static" mediaPresentationDuration="PT5S"><Period duration="PT3S"><AdaptationSet contentType="video">
			<SegmentTemplate timescale="10" presentationTimeOffset="100" media="a$Time$.m4s" initialization="a.mp4">
			<SegmentTimeline><S t="100" d="10" r="-1"/></SegmentTimeline></SegmentTemplate><Representation id="1" bandwidth="1"/></AdaptationSet></Period>
			<Period><AdaptationSet contentType="video"><SegmentTemplate timescale="1" duration="2" media="b$Number$.m4s$$" initialization="b.mp4"/>
			<Representation id="2" bandwidth="1"/></AdaptationSet></Period></MPD>`, `0 a100.m4s 1 init a.mp4
1 a110.m4s 1 init a.mp4
2 a120.m4s 1 init a.mp4
3 b1.m4s$ 2 init b.mp4 new
end
`},
		"gaps and a template that is divided": {head + `type="dynamic" availabilityStartTime="2026-01-01T00:00:00"><Period start="PT0S"><AdaptationSet contentType="video">
			<SegmentTemplate timescale="1" startNumber="7" media="$Number$.m4s"><FailoverContent valid="false"><FCS t="12" d="2"/></FailoverContent>
			<SegmentTimeline><S t="10" d="2" r="2"/><S d="1"/></SegmentTimeline></SegmentTemplate>
			<Representation id="1" bandwidth="1"><SegmentTemplate initialization="1.mp4"/></Representation></AdaptationSet></Period></MPD>`, `7 7.m4s 2 init 1.mp4 at 00:10.000
8 8.m4s 2 init 1.mp4 at 00:12.000 gap
9 9.m4s 2 init 1.mp4 at 00:14.000
10 10.m4s 1 init 1.mp4 at 00:16.000
`},
		"a whole file": {head + `mediaPresentationDuration="PT1M"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">
			<BaseURL>video.mp4</BaseURL><SegmentBase indexRange="10-20"/></Representation></AdaptationSet></Period></MPD>`, "0 video.mp4 60\nend\n"},
	} {
		p, _, err := Reader{Now: now}.Read([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := list(p); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, c.want)
		}
	}
}

// TestReaderLists lists the Representations of a manifest, of which each can be read.
func TestReaderLists(t *testing.T) {
	t.Parallel()
	text := []byte(head + `type="static" mediaPresentationDuration="PT2S"><Period><AdaptationSet contentType="video" frameRate="25"><SegmentTemplate duration="2" media="$RepresentationID$.m4s"/>
		<Representation id="hi" bandwidth="2000" width="640" height="360" codecs="avc1.4d400d"/><Representation id="lo" bandwidth="1000"/></AdaptationSet>
		<AdaptationSet mimeType="audio/mp4" lang="en"><Representation id="en" bandwidth="100"><SegmentTemplate duration="2" media="$RepresentationID$.m4s"/></Representation></AdaptationSet>
		<AdaptationSet contentType="text"><Representation id="t" bandwidth="1"/></AdaptationSet></Period></MPD>`)
	p, _, err := Reader{}.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	m := p.Multivariant
	if m == nil || len(m.Variants) != 2 || len(m.Renditions) != 1 || m.Variants[0].Width != 640 || m.Variants[0].FrameRate != "25" || m.Variants[1].Bandwidth != 1000 ||
		m.Renditions[0].Language != "en" {
		t.Fatalf("%+v", p.Multivariant)
	}
	for uri, want := range map[string]string{m.Variants[0].URI: "1 hi.m4s 2\nend\n", m.Variants[1].URI: "1 lo.m4s 2\nend\n", m.Renditions[0].URI: "1 en.m4s 2\nend\n"} {
		p, numbered, err := Reader{Representation: uri[1:]}.Read(text)
		if err != nil || !numbered || list(p) != want {
			t.Errorf("%s: %v, %v, %s", uri, numbered, err, want)
		}
	}
}

// TestReaderRefuses names what is wrong.
func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	period := func(inner string) string {
		return head + `mediaPresentationDuration="PT1000000H"><Period><AdaptationSet contentType="video"><Representation id="1" bandwidth="1">` + inner +
			`</Representation></AdaptationSet></Period></MPD>`
	}
	for text, want := range map[string]string{
		"<html>":                          "read manifest",
		head + `></MPD>`:                  "no Period",
		head + `><Period></Period></MPD>`: "no Representation of video or sound",
		period(""):                        "names no segments",
		period(`<SegmentList/>`):          "SegmentList",
		period(`<ContentProtection schemeIdUri="x"/><BaseURL>a</BaseURL>`):                                             "encrypted",
		head + `xmlns:xlink="http://www.w3.org/1999/xlink"><Period xlink:href="https://ads.example/1"></Period></MPD>`: "xlink:href",
		period(`<SegmentTemplate media="a"/>`):                                                                         "neither a SegmentTimeline nor a duration",
		period(`<SegmentTemplate media="$Numbr$" duration="1"/>`):                                                      "identifier",
		period(`<SegmentTemplate media="$Number$" timescale="0" duration="1"/>`):                                       "timescale",
		period(`<SegmentTemplate media="$Number$" duration="1"/>`):                                                     "more than 200000 segments",
		period(`<SegmentTemplate media="$Number$"><SegmentTimeline><S t="0"/></SegmentTimeline></SegmentTemplate>`):    "no duration",
	} {
		if _, _, err := (Reader{}).Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, _, err := (Reader{Representation: "3"}).Read([]byte(period(`<BaseURL>a</BaseURL>`))); err == nil || !strings.Contains(err.Error(), "any more") {
		t.Errorf("a Representation that is gone: %v", err)
	}
}

// FuzzReader reads anything without a panic, and in bounds.
func FuzzReader(f *testing.F) {
	f.Add([]byte(head + `type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" timeShiftBufferDepth="PT9S"><Period start="PT0S"><AdaptationSet contentType="video">
		<SegmentTemplate timescale="10" duration="20" media="$Time$"/><Representation id="1" bandwidth="1"/></AdaptationSet></Period></MPD>`))
	f.Add([]byte(head + `><Period><EventStream schemeIdUri="x" timescale="0"><Event presentationTime="1" contentEncoding="base64">AA==</Event></EventStream><AdaptationSet contentType="video">
		<SegmentTemplate media="$Number$"><SegmentTimeline><S t="18446744073709551615" d="18446744073709551615" r="-1"/></SegmentTimeline></SegmentTemplate>
		<Representation id="1" bandwidth="1"/></AdaptationSet></Period></MPD>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, _, err := Reader{Now: time.Unix(1_800_000_000, 0)}.Read(text)
		if err == nil && p.Media != nil && len(p.Media.Segments) > maxSegments {
			t.Errorf("%d segments", len(p.Media.Segments))
		}
		if m, err := Parse(text); err == nil {
			Events(m)
		}
	})
}
