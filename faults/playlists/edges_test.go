package playlists

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/scenario"
)

// changes lists the lines that one text has and the other has not, with - and + in front.
func changes(a, b string) string {
	var list []string
	la, lb := strings.SplitAfter(a, "\n"), strings.SplitAfter(b, "\n")
	for _, l := range la {
		if i := slices.Index(lb, l); i >= 0 {
			lb = slices.Delete(lb, i, i+1)
		} else {
			list = append(list, "-"+strings.TrimSpace(l))
		}
	}
	for _, l := range lb {
		list = append(list, "+"+strings.TrimSpace(l))
	}
	return strings.Join(list, "\n")
}

// Of the version with segment 13, the fault's second, these lines are changed and no others.
func TestLines(t *testing.T) {
	t.Parallel()
	clean, broken := write(t), write(t, 7, 13)
	const date = "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T"
	for fault, want := range map[string]string{
		"do: playlist.sequence, with: {by: -8}":                     "-#EXT-X-MEDIA-SEQUENCE:8\n+#EXT-X-MEDIA-SEQUENCE:0",
		"do: playlist.targetduration, with: {by: 4}":                "-#EXT-X-TARGETDURATION:2\n+#EXT-X-TARGETDURATION:6",
		"do: playlist.extinf, with: {by: -1ms}":                     "-#EXTINF:2,\n-#EXTINF:2,\n+#EXTINF:1.999,\n+#EXTINF:1.999,",
		"do: playlist.history, with: {what: duration}":              "-#EXTINF:2,\n+#EXTINF:1,",
		"do: playlist.history, with: {what: gone}":                  "-" + date + "22:13:42.000Z\n-seg-0000000011.ts\n-#EXTINF:2,",
		"do: playlist.history":                                      "", // in another order
		"do: playlist.endlist":                                      "+#EXT-X-ENDLIST",
		"do: playlist.pdt_jump, with: {by: -1ms}":                   dated("22:13:44.000Z", "22:13:46.000Z", "22:13:43.999Z", "22:13:45.999Z"),
		"do: playlist.pdt_drift, for: 6s, with: {by: -3}":           dated("22:13:46.000Z", "22:13:45.999994000Z"),
		"do: playlist.discontinuity":                                "-#EXT-X-DISCONTINUITY",
		"do: playlist.discontinuity, with: {tag: sequence}":         "-#EXT-X-DISCONTINUITY-SEQUENCE:1",
		"decoy: playlist.comments":                                  "+# live\n+#EXT-X-SITE:NAME=\"east\",RACK=12\n+#\n+# newest\n+#EXT-X-SOURCE:1",
		"decoy: playlist.zone, at: 26s, for: 2s":                    "",
		"do: playlist.pdt_jump, with: {by: 1s}, for: {segments: 1}": "",
	} {
		stream := clean
		if strings.Contains(fault, "discontinuity") {
			stream = broken
		}
		if !strings.Contains(fault, " at: ") {
			fault += ", at: {msn: 12}"
		}
		faulty, _, _ := rewrite(t, plan(t, "{"+fault+"}"), stream)
		a, b := stream.takes[13].text, faulty.takes[13].text
		switch got := changes(a, b); {
		case strings.Contains(fault, "zone"):
			if strings.ReplaceAll(a, "T22:13:", "T03:43:") != strings.NewReplacer("11-15T", "11-14T", "+05:30", "Z").Replace(b) {
				t.Errorf("%s: %s", fault, b)
			}
		case got != want:
			t.Errorf("%s: changes\n%s, want\n%s", fault, got, want)
		case want == "" && strings.Contains(fault, "history"):
			if b != strings.NewReplacer("seg-0000000010", "seg-0000000011", "seg-0000000011", "seg-0000000010").Replace(a) {
				t.Errorf("%s: %s", fault, b)
			}
		}
	}
}

// dated is the changes of dates, half of which are those before.
func dated(times ...string) string {
	var list []string
	for i, s := range times {
		list = append(list, "-+"[2*i/len(times):2*i/len(times)+1]+"#EXT-X-PROGRAM-DATE-TIME:2023-11-14T"+s)
	}
	return strings.Join(list, "\n")
}

// Which version is shown in place of versions 10 to 23, where they are not shown themselves.
func TestVersions(t *testing.T) {
	t.Parallel()
	clean := write(t)
	for fault, want := range map[string]string{
		"{do: playlist.stale, at: {msn: 12}, for: {segments: 11}}":                                 "12:11 13:11 14:11 15:11 16:11 17:11 18:11 19:11 20:11 21:11 22:11",
		"{do: playlist.late, at: {msn: 12}, for: {segments: 5}}":                                   "12:11 13:11 14:12 15:13 16:14",
		"{do: playlist.late, at: {msn: 12}, for: {segments: 12}, with: {by: 10}}":                  "12:11 13:11 14:11 15:11 16:11 17:11 18:11 19:11 20:11 21:11 22:12 23:13",
		"{do: playlist.older, at: {msn: 12}, with: {by: 10}}":                                      "12:2",
		"{do: playlist.stale, at: 23s, for: 1s}":                                                   "12:11", // whole segments, from the next on
		"{do: playlist.stale, at: {msn: 12}, every: 4s, times: 3, for: 2s}":                        "12:11 14:13 16:15",
		"{do: playlist.stale, at: {msn: 12}, for: 2s}, {do: playlist.stale, at: {msn: 13}, id: b}": "12:11 13:12 14:12 15:12",
	} {
		var got []string
		faulty, _, _ := rewrite(t, plan(t, fault), clean)
		for n, v := range faulty.takes {
			if shown := slices.IndexFunc(clean.takes, func(c take) bool { return c.text == v.text }); shown != n {
				got = append(got, fmt.Sprintf("%d:%d", n, shown))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: shown %s, want %s", fault, got, want)
		}
	}
}

// What can't be made is reported with the reason, and changes nothing.
func TestNotDone(t *testing.T) {
	t.Parallel()
	clean := write(t)
	for fault, want := range map[string]string{
		"{do: playlist.stale, at: 0s, for: 2s}":                                       "it changes nothing in the version",
		"{do: playlist.late, at: 0s, for: 2s}":                                        "it changes nothing in the version",
		"{do: playlist.older, at: {msn: 1}}":                                          "there is no version that is so much older",
		"{do: playlist.sequence, at: {msn: 12}, with: {by: -8}, for: 2s}":             "EXT-X-MEDIA-SEQUENCE would be -1",
		"{do: playlist.targetduration, at: {msn: 12}, with: {by: -2}, for: 2s}":       "EXT-X-TARGETDURATION would be 0 s",
		"{do: playlist.extinf, at: {msn: 12}, with: {by: -2s}, for: 2s}":              "none of its segments has an EXTINF that stays above 0",
		"{do: playlist.history, at: 0s, for: 2s}":                                     "the version has no entry of segment -1",
		"{do: playlist.history, at: {msn: 1}, for: 2s}":                               "the version has no entry before that of segment 0",
		"{do: playlist.discontinuity, at: {msn: 12}, for: 2s}":                        "none of its segments has an EXT-X-DISCONTINUITY",
		"{do: playlist.discontinuity, at: {msn: 12}, for: 2s, with: {tag: sequence}}": "no discontinuity has left the clean playlist",
		"{decoy: playlist.zone, at: {msn: 12}, for: 2s, with: {minutes: 0}}":          "it changes nothing in the version",
	} {
		faulty, done, notDone := rewrite(t, plan(t, fault), clean)
		if len(notDone) != 1 || notDone[0] != want || len(done) > 0 {
			t.Errorf("%s: %q, want %q; done to %d", fault, notDone, want, done)
		}
		if !slices.Equal(faulty.takes, clean.takes) {
			t.Errorf("%s: versions are changed", fault)
		}
	}
}

// A number by which nothing would change is refused when the file is read.
func TestZero(t *testing.T) {
	t.Parallel()
	for kind, zero := range map[string]string{
		"sequence": "0", "targetduration": "0", "extinf": "0s", "pdt_offset": "0s", "pdt_jump": "0s", "pdt_drift": "0",
	} {
		f, err := scenario.Parse("x", []byte("version: 1\nname: x\nfaults: [{do: playlist."+kind+", at: 4s, with: {by: "+zero+"}}]"), Kinds())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Plan(channel()); err == nil || !strings.Contains(err.Error(), "by is 0") {
			t.Errorf("%s by 0: %v", kind, err)
		}
	}
}

// Faults of several properties are made together, each from what the one before made. An end of the clean stream stays.
func TestTogether(t *testing.T) {
	t.Parallel()
	clean := write(t)
	faulty, _, _ := rewrite(t, plan(t, "{do: playlist.pdt_offset, at: {msn: 12}}, {do: playlist.stale, at: {msn: 13}}, {do: playlist.sequence, at: {msn: 13}, for: 2s},"+
		"{do: playlist.endlist, at: {msn: 13}, for: 2s}, {do: playlist.history, at: {msn: 13}, with: {what: gone}}"), clean)
	v := faulty.takes[13].text // shows version 12 without segment 12, ended, three numbers on
	if !strings.HasSuffix(v, "22:13:52.000Z\n#EXTINF:2,\nseg-0000000011.ts\n#EXT-X-ENDLIST\n") || !strings.Contains(v, "#EXT-X-MEDIA-SEQUENCE:10\n") {
		t.Errorf("version 13: %s", v)
	}
	ended := live{takes: slices.Clone(clean.takes)}
	ended.takes[12].text += tagEnd + "\n"
	if _, _, notDone := rewrite(t, plan(t, "{do: playlist.endlist, at: {msn: 12}, for: 2s}"), ended); !slices.Equal(notDone, []string{"the clean version has an EXT-X-ENDLIST"}) {
		t.Errorf("an end that was there: %q", notDone)
	}
}

// A Rewriter that begins within a fault has no version of the time before: it holds the first that it is given.
func TestRestart(t *testing.T) {
	t.Parallel()
	clean := write(t)
	var notDone []string
	r := New(plan(t, "{do: playlist.stale, at: {msn: 12}}"), channel().Clock(), func(c faults.Change) { notDone = append(notDone, c.NotDone) })
	for _, c := range []struct{ version, want int }{{13, 13}, {14, 13}, {15, 15}} {
		v := clean.takes[c.version]
		if text := r.Playlist([]byte(v.text), v.newest); string(text) != clean.takes[c.want].text {
			t.Errorf("version %d is not version %d", c.version, c.want)
		}
	}
	if len(notDone) != 1+perSegment || notDone[0] == "" {
		t.Errorf("%d reports", len(notDone))
	}
}

// A stale fault that is posted under the name of one that is over holds a version of its own.
func TestStaleAgain(t *testing.T) {
	t.Parallel()
	clean := write(t)
	p := plan(t, "{do: playlist.stale, at: {msn: 12}, for: {segments: 1}}")
	again := p.Between(12*perSegment, 12*perSegment)[0]
	again.First, again.Last = again.First+3*perSegment, again.Last+3*perSegment
	p.Add(again)
	r := New(p, channel().Clock(), func(faults.Change) {})
	for _, c := range []struct{ version, want int }{{11, 11}, {12, 11}, {13, 13}, {14, 14}, {15, 14}, {16, 16}} {
		v := clean.takes[c.version]
		if text := r.Playlist([]byte(v.text), v.newest); string(text) != clean.takes[c.want].text {
			t.Errorf("version %d is not version %d", c.version, c.want)
		}
	}
}

// Tags that are in force for other segments too stay with an entry that is gone, and line ends and spaces are kept.
func TestOtherText(t *testing.T) {
	t.Parallel()
	const head, date = "#EXTM3U\r\n#EXT-X-TARGETDURATION: 2 \r\n#EXT-X-MEDIA-SEQUENCE:10\r\n", "#EXT-X-PROGRAM-DATE-TIME:2026-03-01T23:59:50Z\r\n"
	const text = head + "#EXTINF:2.0, a title\r\na.mp4\r\n#EXT-X-DISCONTINUITY\r\n#EXT-X-MAP:URI=\"i.mp4\"\r\n" + date +
		"#EXT-X-GAP\r\n#EXTINF:2\r\n  b.mp4 \r\n\r\n#EXTINF:2,\r\nc.mp4"
	for fault, want := range map[string]string{
		"do: playlist.history, with: {what: gone}":     strings.Replace(text, date+"#EXT-X-GAP\r\n#EXTINF:2\r\n  b.mp4 \r\n", "", 1),
		"do: playlist.history":                         strings.NewReplacer("a.mp4", "b.mp4", "b.mp4", "a.mp4").Replace(text),
		"do: playlist.history, with: {what: duration}": strings.Replace(text, "EXTINF:2\r", "EXTINF:1,\r", 1),
		"do: playlist.extinf":                          strings.Replace(text, "EXTINF:2,\r", "EXTINF:2.5,\r", 1),
		"do: playlist.extinf, at: {msn: 10}, with: {by: -1.5s}, for: {segments: 9}": strings.NewReplacer("EXTINF:2.0", "EXTINF:0.5", "EXTINF:2\r", "EXTINF:0.5,\r",
			"EXTINF:2,", "EXTINF:0.5,").Replace(text),
		"do: playlist.targetduration":               strings.Replace(text, "DURATION: 2 ", "DURATION:3 ", 1),
		"do: playlist.discontinuity, at: {msn: 11}": strings.Replace(text, "#EXT-X-DISCONTINUITY\r\n", "", 1),
		"do: playlist.pdt_offset":                   strings.Replace(text, "23:59:50Z", "00:00:00.000Z", 1),
		"do: playlist.endlist":                      text + "\n#EXT-X-ENDLIST\n",
		"do: playlist.cut, with: {at: 99%}":         text[:len(text)-3],
	} {
		if !strings.Contains(fault, " at: {msn") {
			fault += ", at: {msn: 12}"
		}
		r := New(plan(t, "{"+fault+"}"), channel().Clock(), func(faults.Change) {})
		got := r.Playlist([]byte(text), 12*perSegment+7)
		if strings.Contains(fault, "pdt_offset") {
			want = strings.Replace(want, "03-01", "03-02", 1)
		}
		if string(got) != want {
			t.Errorf("%s: %q, want %q", fault, got, want)
		}
	}
}

// Dates have milliseconds where those are exact, else nanoseconds, in any zone.
func TestFormatDate(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 23, 59, 50, 40_000_000, time.UTC)
	for want, date := range map[string]time.Time{
		"2026-03-01T23:59:50.040Z":            at.In(time.FixedZone("", 0)),
		"2026-03-01T23:59:50.040000001Z":      at.Add(1),
		"2026-03-02T05:29:50.040+05:30":       at.In(time.FixedZone("", 330*60)),
		"2026-03-01T14:29:50.073366666-09:30": at.Add(33_366_666).In(time.FixedZone("", -570*60)),
	} {
		if got := formatDate(date); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Without a fault of playlists nothing is kept, and with one no more than a few versions.
func TestKept(t *testing.T) {
	t.Parallel()
	clean := write(t)
	for _, fault := range []string{"{do: playlist.stale, at: {msn: 12}, for: {segments: 3000}}", "{do: playlist.late, at: {msn: 12}, for: {segments: 3000}, with: {by: 10}}"} {
		r := New(plan(t, fault), channel().Clock(), func(faults.Change) {})
		for n := range int64(1000) {
			r.Playlist([]byte(clean.takes[min(n, length-1)].text), (n+1)*perSegment-1)
		}
		if len(r.kept) > maxBack+1 {
			t.Errorf("%d versions are kept", len(r.kept))
		}
	}
	none := scenario.Kind{Name: "none", Layer: scenario.LayerPicture, Property: "picture", Default: scenario.Span{Frames: 1}}
	f, err := scenario.Parse("x", []byte("version: 1\nname: x\nfaults: [{do: none, at: 1s}]"), []*scenario.Kind{&none})
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(channel())
	if err != nil {
		t.Fatal(err)
	}
	r := New(p, channel().Clock(), func(faults.Change) { t.Error("a report") })
	if text := r.Playlist([]byte("x"), 24); string(text) != "x" {
		t.Errorf("%q", text)
	}
}

// No text makes a fault panic, or change what it does not report.
func FuzzPlaylist(f *testing.F) {
	clean := write(f, 7, 13)
	for _, i := range []int{0, 12, 13} {
		f.Add([]byte(clean.takes[i].text), int64(649))
	}
	f.Add([]byte("\xEF\xBB\xBF#EXTM3U\r\n#EXT-X-TARGETDURATION:1\r\n#EXT-X-MEDIA-SEQUENCE:9223372036854775807\r\n#EXTINF:1\r\n\r\nx\r\n#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:44Z\n#EXTINF:1,\ny"), int64(99))
	f.Add([]byte("#EXTM3U\n#EXT-X-SKIP:SKIPPED-SEGMENTS=12\n#EXTINF:1,\ny\n"), int64(-1))
	var plans []*scenario.Plan
	for _, k := range Kinds() {
		word := map[bool]string{true: "decoy", false: "do"}[k.Decoy]
		for _, with := range append([]string{""}, words(k)...) {
			plans = append(plans, plan(f, "{"+word+": "+k.Name+", at: 0s, for: 1h"+with+"}"))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, newest int64) {
		for _, p := range plans {
			var got []faults.Change
			r := New(p, channel().Clock(), func(c faults.Change) { got = append(got, c) })
			for _, n := range []int64{newest & 0xFFFFF, newest & 0xFFFFF, newest} {
				got = nil
				given := bytes.Clone(text)
				out := r.Playlist(given, n)
				if !bytes.Equal(given, text) {
					t.Fatal("the clean version was changed")
				}
				reported := slices.ContainsFunc(got, func(c faults.Change) bool { return c.NotDone == "" })
				if changed := !bytes.Equal(out, text); changed != reported && string(out) != page {
					t.Fatalf("%s: %d reports, changed %t", p.Between(0, 1)[0].Kind.Name, len(got), changed)
				}
				if newest > 1<<20 {
					break // reports of each frame of a segment: a few are enough
				}
			}
		}
	})
}

// words are the parameters of a kind with each of their words.
func words(k *scenario.Kind) (list []string) {
	for _, p := range k.Params {
		for _, w := range p.Words {
			list = append(list, ", with: {"+p.Name+": "+w+"}")
		}
	}
	return list
}
