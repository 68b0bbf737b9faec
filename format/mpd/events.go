package mpd

import (
	"encoding/base64"
	"math"
	"strings"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"

	"github.com/refstream/refstream/media"
)

// Event is one of an EventStream (ISO/IEC 23009-1, 5.10.2).
type Event struct {
	Scheme, Value string
	ID            *uint64
	// PTS is ticks of 90 kHz of the first Representation's media time, Duration -1 where it is not given.
	PTS, Duration int64
	// Data is what it carries, decoded where it is in base 64.
	Data []byte
}

// Events are those of all EventStreams of a manifest.
func Events(m *mpd.MPD) (list []Event) {
	at := time.Duration(0)
	for _, p := range m.Periods {
		if p.Start != nil {
			at = time.Duration(*p.Start)
		}
		offset := -media.MulDivFloor(int64(at), media.TicksPerSecond, int64(time.Second)) // of MPD time to media time
		if tracks := tracksOf(p); len(tracks) > 0 {
			t := mergeTemplates(p.SegmentTemplate, tracks[0].set.SegmentTemplate, tracks[0].rep.SegmentTemplate)
			offset = 0
			if o := t.PresentationTimeOffset; o != nil {
				offset = ticks(*o, t.Timescale)
			}
		}
		for _, s := range p.EventStreams {
			for _, e := range s.Events {
				n := Event{Scheme: string(s.SchemeIdUri), Value: s.Value, ID: e.Id, Duration: -1, Data: []byte(e.MessageData)}
				n.PTS = ticks(e.PresentationTime, s.Timescale) - ticks(s.PresentationTimeOffset, s.Timescale) + offset
				if e.Duration > 0 {
					n.Duration = ticks(e.Duration, s.Timescale)
				}
				if text := strings.TrimSpace(e.Value); len(n.Data) == 0 {
					n.Data = []byte(text)
				}
				if e.ContentEncoding == "base64" {
					if b, err := base64.StdEncoding.DecodeString(string(n.Data)); err == nil {
						n.Data = b
					}
				}
				list = append(list, n)
			}
		}
		if p.Duration != nil {
			at += time.Duration(*p.Duration)
		}
	}
	return list
}

// ticks are those of 90 kHz of a time in a timescale, 1 where there is none.
func ticks(t uint64, scale *uint32) int64 {
	if scale == nil || *scale == 0 {
		scale = new(uint32(1))
	}
	return media.MulDivFloor(int64(min(t, math.MaxInt64/4)), media.TicksPerSecond, int64(*scale))
}
