package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/media"
)

// forgery is one forged stream: what verify has to name.
type forgery struct {
	carrier string
	source  analyzer.Source
	op      string
	field   string
	forger  func(t *testing.T) *forger
	// again: the pictures are to be decoded again.
	again bool
}

// forgeries are made from the list of what the truth has each carrier say.
func forgeries(c *clip) (list []forgery) {
	k := &checker{channel: verifytest.Channel(), clock: verifytest.Channel().Clock(), truth: c.truth, in: c.decoded["flv"]}
	k.in.units = []unit{{unitsInTick: 1, timeScale: 60}}
	r := &analyzer.Record{}
	const frame = 43
	m := &c.truth.Markers[0]
	each := func(carriers []string, source analyzer.Source, want fields, ops []string, make func(t *testing.T, op, name string) *forger) {
		for _, carrier := range carriers {
			for _, f := range want {
				list = append(list, forgery{carrier, source, opField, f.name, func(t *testing.T) *forger { return make(t, opField, f.name) }, false})
			}
			for _, op := range ops {
				list = append(list, forgery{carrier, source, op, "", func(t *testing.T) *forger { return make(t, op, "") }, false})
			}
		}
	}
	all, ops := []string{"hls", "cmaf", "ts", "flv"}, []string{opRemove, opDouble, opAdd}
	for source, want := range map[analyzer.Source]fields{
		analyzer.FrameRecord: k.expectedRecord(r, frame), analyzer.MISBTime: k.expectedMISB(r, frame), analyzer.PicTiming: k.expectedTiming(r, frame),
	} {
		each(all, source, want, ops, func(t *testing.T, op, name string) *forger { return forgeSEI(t, c, source, op, name, frame) })
	}
	each([]string{"hls", "cmaf", "ts"}, analyzer.ID3, k.expectedMarker(analyzer.ID3, m), ops, forgeID3)
	each([]string{"flv"}, analyzer.OnFI, k.expectedFI(r, 30), ops[:2], func(t *testing.T, op, name string) *forger { return forgeScript(t, "onFI", op, name) })
	each([]string{"flv"}, analyzer.OnCuePoint, k.expectedMarker(analyzer.OnCuePoint, m), ops[:2], func(t *testing.T, op, name string) *forger {
		return forgeScript(t, "onCuePoint", op, name)
	})
	each([]string{"flv"}, analyzer.OnMetaData, k.expectedMetadata(), nil, func(t *testing.T, op, name string) *forger {
		return forgeScript(t, "onMetaData", op, name)
	})
	each([]string{"hls"}, analyzer.DateRange, k.expectedDateRange(m), ops, func(t *testing.T, op, name string) *forger {
		return forgeRange(t, op, name, k.expectedDateRange(m))
	})
	for number := 2; number <= clipFrames/30-1; number++ {
		date := func(edit func(string) []string) func(*testing.T) *forger {
			return func(t *testing.T) *forger { return forgePlaylist(t, "#EXT-X-PROGRAM-DATE-TIME", number, edit) }
		}
		length := func(edit func(string) []string) func(*testing.T) *forger {
			return func(t *testing.T) *forger { return forgePlaylist(t, "#EXTINF", number, edit) }
		}
		twice := func(s string) []string { return []string{s, s} }
		list = append(list,
			forgery{"hls", analyzer.ProgramDateTime, opDouble, "", date(twice), false},
			forgery{"hls", analyzer.ProgramDateTime, opDouble, "", date(func(s string) []string {
				return []string{strings.Replace(s, ".000Z", ".040Z", 1), s}
			}), false},
			forgery{"hls", report.LengthTag, opDouble, "", length(twice), false},
			forgery{"hls", report.DiscontinuityTag, opAdd, "", length(func(s string) []string { return []string{"#EXT-X-DISCONTINUITY\n", s} }), false},
			forgery{"hls", analyzer.ProgramDateTime, opRemove, "", date(func(string) []string { return nil }), false},
			forgery{"hls", analyzer.ProgramDateTime, opField, "program_date_time", date(func(s string) []string {
				return []string{strings.Replace(s, ".000Z", ".040Z", 1)}
			}), false},
			forgery{"hls", report.LengthTag, opField, "EXTINF", length(func(string) []string { return []string{"#EXTINF:1.04,\n"} }), false})
	}
	produced := func(edit func(time.Time) []time.Time) func(*testing.T) *forger {
		return func(*testing.T) *forger {
			n := 0
			return &forger{produced: func(utc time.Time) []time.Time {
				if n++; n != 2 {
					return []time.Time{utc}
				}
				return edit(utc)
			}}
		}
	}
	list = append(list,
		forgery{"cmaf", analyzer.ProducerTime, opRemove, "", produced(func(time.Time) []time.Time { return nil }), false},
		forgery{"cmaf", analyzer.ProducerTime, opField, "utc", produced(func(utc time.Time) []time.Time { return []time.Time{utc.Add(40 * time.Millisecond)} }), false})
	for _, carrier := range all {
		tick := int64(1)
		switch carrier {
		case "flv":
			tick = 90
		case "cmaf": // whose decoding times may be rounded by a tick in another way
			tick = 2
		}
		move := func(pts, dts int64) func(*testing.T) *forger {
			return func(*testing.T) *forger {
				n := 0
				return &forger{unit: func(au *media.Unit) {
					if au.PTS > 120000 {
						if n++; n == 3 { // with room between DTS and PTS
							au.PTS, au.DTS = au.PTS+pts, au.DTS+dts
						}
					}
				}}
			}
		}
		list = append(list, forgery{carrier, report.DTSClock, opField, "dts", move(0, -tick), false}, forgery{carrier, report.PTSClock, opField, "pts", move(tick, tick), true})
	}
	return list
}

// named reports whether a finding names what was forged.
func (f forgery) named(found report.Finding) bool {
	clocks := strings.Split(found.Clock, ",")
	if !slices.ContainsFunc(clocks, func(s string) bool { return strings.HasPrefix(s, string(f.source)) }) || found.Allowed {
		return false
	}
	switch f.op {
	case opRemove:
		return slices.Contains([]report.Kind{report.ClockGaps, report.ClockGone, report.Unannounced}, found.Kind)
	case opDouble:
		return found.Kind == report.Doubled
	case opAdd:
		return found.Kind == report.Doubled || found.Kind == report.Added || found.Kind == report.Misreported
	}
	return found.Field == f.field
}

// Whatever field of whatever statement is forged on whatever carrier, verify finds it and names it; what is not forged is
// true, also where it was rewritten.
func TestForgeries(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	for carrier, path := range c.paths {
		for _, p := range []string{path, (&forger{unit: func(*media.Unit) {}}).forge(t, c, carrier)} {
			if r := c.judge(t, carrier, p); r.Verdict != report.True || len(r.Findings) > 0 {
				t.Errorf("%s, untouched: %s: %v", carrier, r.Verdict, textsOf(r))
			}
		}
	}
	list := forgeries(c)
	counts := map[string]int{}
	for i, f := range list {
		if testing.Short() && i%3 != 0 {
			continue
		}
		counts[f.carrier]++
		t.Run(fmt.Sprintf("%s %s %s %s", f.carrier, f.source, f.op, f.field), func(t *testing.T) {
			path := f.forger(t).forge(t, c, f.carrier)
			var r *report.Report
			if f.again {
				var err error
				if r, err = Run(t.Context(), path, given{verifytest.Channel(), c.truth}, Options{Now: time.Now}); err != nil {
					t.Fatal(err)
				}
			} else {
				r = c.judge(t, f.carrier, path)
			}
			if r.Verdict != report.NotTrue || !slices.ContainsFunc(r.Findings, f.named) {
				t.Errorf("%s: %v", r.Verdict, textsOf(r))
			}
		})
	}
	if len(list) < 100 {
		t.Errorf("only %d forgeries", len(list))
	}
	for _, carrier := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%s: %d forged streams", carrier, counts[carrier])
	}
}

func textsOf(r *report.Report) (list []string) {
	for _, f := range r.Findings {
		list = append(list, string(f.Kind)+": "+f.Text)
	}
	return list
}
