package playlists

import (
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/scenario"
)

// longest is how far a date may be off.
const longest = int64(366 * 24 * time.Hour)

// dates is the kinds of wrong EXT-X-PROGRAM-DATE-TIME (RFC 8216bis, 4.4.4.6).
func dates() []kind {
	base := func(name, doc string, params ...scenario.Param) scenario.Kind {
		return scenario.Kind{
			Name: name, Property: "dates", Doc: doc, Params: params,
			Alarms: []string{"pdt", "program_date_time"}, Expects: []string{"pdt_jump"}, Tolerates: []string{"variants_differ"}, Check: notZero,
		}
	}
	off := by("how much later the dates are, a negative time earlier", scenario.Length, "10s", -longest, longest)
	drift := base("playlist.pdt_drift", "The dates of its segments run fast or slow, from its first frame on.",
		by("how fast they run, in ppm; negative is slow", scenario.Whole, "5000", -100_000, 100_000))
	drift.Default = scenario.Span{Nanos: int64(time.Minute)}
	zone := base("playlist.zone", "The dates are those of another zone than UTC, which they name.",
		scenario.Param{Name: "minutes", Doc: "how far the zone is ahead of UTC, in minutes", Type: scenario.Whole, Default: "330", Min: -720, Max: 840})
	zone.Decoy, zone.Alarms, zone.Expects, zone.Tolerates, zone.Check = true, nil, nil, nil, nil
	return []kind{
		{
			Kind: base("playlist.pdt_offset", "All dates of the playlist are off, and right again afterwards.", off),
			change: func(f scenario.Fault, v *version) string {
				return v.redate(0, v.newest, func(_ int64, t time.Time) time.Time { return t.Add(time.Duration(f.Params["by"].N)) })
			},
		},
		{
			Kind: base("playlist.pdt_jump", "The dates of its segments are off, and those of the segments before are not.", off),
			change: func(f scenario.Fault, v *version) string {
				return v.redate(f.First, f.Last, func(_ int64, t time.Time) time.Time { return t.Add(time.Duration(f.Params["by"].N)) })
			},
		},
		{
			Kind: drift,
			change: func(f scenario.Fault, v *version) string {
				const million = 1_000_000
				return v.redate(f.First, f.Last, func(n int64, t time.Time) time.Time {
					past, ppm := int64(v.r.clock.UTC(n).Sub(v.r.clock.UTC(f.First))), f.Params["by"].N
					return t.Add(time.Duration(past/million*ppm + past%million*ppm/million))
				})
			},
		},
		{
			Kind: zone,
			change: func(f scenario.Fault, v *version) string {
				minutes := int(f.Params["minutes"].N)
				return v.redate(0, v.newest, func(_ int64, t time.Time) time.Time { return t.In(time.FixedZone("", minutes*60)) })
			},
		},
	}
}

// redate changes the dates of the segments of frames first to last; to is given a segment's first frame and its date.
func (v *version) redate(first, last int64, to func(n int64, t time.Time) time.Time) string {
	return v.edit(func(p playlist) (why string) {
		why = "none of its segments has an EXT-X-PROGRAM-DATE-TIME"
		p.within(v, first, last, func(i int) {
			if line := p.find(i, tagDate); line >= 0 && !p.Segments[i].ProgramDateTime.IsZero() {
				why = ""
				p.set(line, tagDate+":"+formatDate(to(v.r.clock.FirstFrame(p.Segments[i].MSN), p.Segments[i].ProgramDateTime)))
			}
		})
		return why
	})
}

// formatDate writes a date as the packager does, but in its own zone.
func formatDate(t time.Time) string {
	if _, offset := t.Zone(); offset == 0 {
		return string(m3u8.AppendTime(nil, t))
	}
	if t.Nanosecond()%int(time.Millisecond) == 0 {
		return t.Format("2006-01-02T15:04:05.000-07:00")
	}
	return t.Format("2006-01-02T15:04:05.000000000-07:00")
}
