package storetest

import (
	"fmt"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Generator is the id of the generator that wrote the records here.
const Generator = "g-1"

// Channel is a channel with every field filled in.
func Channel(name string) markers.Channel {
	return markers.Channel{
		Name: name, Run: 3, Epoch: time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC),
		Rate: media.FrameRate{Num: 30000, Den: 1001}, FramesPerSegment: 60, DropFrame: true,
		PTSOrigin: markers.PTSOrigin, Seed: 1<<64 - 1, Width: 1280, Height: 720, EventEvery: 600, EventLength: 60,
		Window: 300, Generator: Generator, Audio: true,
		Ladder: []markers.Rendition{{Name: "854x480", Width: 854, Height: 480, Bitrate: 1_500_000}},
	}
}

// Frame is a record of frame n with every field filled in.
func Frame(n int64) markers.FrameRecord {
	c := Channel("main").Clock()
	return markers.FrameRecord{
		Frame: n, PTS: c.PTS(n), DTS: c.PTS(n) - 3003, Sample: markers.Number{Value: n, Set: true}, Timecode: c.Timecode(n).String(), UTC: c.UTC(n),
		GenNS: c.UTC(n).UnixNano() + 123, MonoNS: 77 + n, Run: 3, Key: n%60 == 0, MSN: c.MSN(n), Offset: c.Offset(n),
		Event: fmt.Sprintf("main-e%d", n), Bytes: 1000 + int(n), Generator: Generator,
	}
}

// Frames are the records of frames from to to, without to.
func Frames(from, to int64) []markers.FrameRecord {
	var out []markers.FrameRecord
	for n := from; n < to; n++ {
		out = append(out, Frame(n))
	}
	return out
}

// Marker is a marker that begins with frame n.
func Marker(n int64) markers.Marker {
	c := Channel("main").Clock()
	return markers.Marker{
		ID: fmt.Sprintf("main-t%d", n), Channel: "main", Run: 3, Kind: markers.KindManual,
		Text: "Marker \"\u00e9\u2028\n", Time: c.Time(n), EndTime: c.Time(n + 59), Frame: n + 1, LastFrame: n + 59,
		ScheduledFrame: n, PTS: c.PTS(n), LastPTS: c.PTS(n + 59), Timecode: c.Timecode(n).String(), UTC: c.UTC(n),
		GenTime: c.UTC(n).Add(time.Nanosecond), GenSeconds: c.Time(n) + 1, MSN: c.MSN(n), Offset: c.Offset(n),
		Box:   markers.Box{X: 1, Y: 2, Width: 3, Height: 4},
		Block: markers.Block{Box: markers.Box{X: 5, Y: 6, Width: 7, Height: 8}, Roll: 2}, Color: "#00ffff",
		Sample: markers.Number{Value: 8, Set: true}, LastSample: markers.Number{Value: 9, Set: true},
		Generator: Generator,
	}
}

// Missing states that the two frames from n on are missing.
func Missing(n int64) markers.MissingRecord {
	return markers.MissingRecord{
		Frame: n, LastFrame: n + 1, Reason: markers.ReasonEncoder, Detail: "exit status 137",
		At: Channel("main").Clock().UTC(n), Generator: Generator,
	}
}

// Segment is the record of segment msn.
func Segment(msn int64) markers.SegmentRecord {
	return markers.SegmentRecord{
		MSN: msn, FirstFrame: msn * 60, LastFrame: msn*60 + 59, Bytes: 1 << 40, URI: fmt.Sprintf("seg-%d.ts", msn), Init: "init.mp4",
		Also: markers.SegmentFile{URI: fmt.Sprintf("seg-%d.m4s", msn), Bytes: 7, Init: "init.mp4"},
		Renditions: []markers.RenditionFile{
			{Name: "640x360", SegmentFile: markers.SegmentFile{URI: fmt.Sprintf("seg-640x360-%d.ts", msn), Bytes: 8}},
			{Name: "audio", SegmentFile: markers.SegmentFile{URI: fmt.Sprintf("seg-audio-%d.m4s", msn), Bytes: 9, Init: "sound.mp4"}},
		},
		PublishedAt: Channel("main").Clock().UTC(msn * 60), Discontinuity: true, DiscontinuitySequence: 4,
		Generator: Generator,
	}
}

// Rendition is Segment of a further rendition.
func Rendition(name string, msn int64) markers.SegmentRecord {
	s := Segment(msn)
	s.Rendition = name
	return s
}

// Detection is one of frame n that came when that was the newest frame, with every field filled in.
func Detection(n int64) markers.Detection {
	c := Channel("main").Clock()
	return markers.Detection{
		Place: markers.ID{Frame: n, Sub: 1}, Source: "cam-1", Time: c.Time(n), EndTime: c.Time(n + 9), Frame: n, LastFrame: n + 9,
		Confidence: "0.75", Text: "Detection \"\u00e9", Received: c.UTC(n).Add(time.Second),
	}
}

// Fault is a fault of frames n to n+9 of a twin of main, empty for a clip, that was known when the newest frame was n+29, with every
// field filled in.
func Fault(twin string, n int64) markers.FaultRecord {
	c := Channel("main").Clock()
	return markers.FaultRecord{
		ID: fmt.Sprintf("x-%d", n), Kind: "ts.lose", Layer: "packets", Decoy: true, Parameters: map[string]string{"pid": "video"}, Source: "main",
		Channel: twin, Span: c.Span(n, n+9), PTS: c.PTS(n), EndPTS: c.PTS(n + 10), UTC: c.UTC(n), EndUTC: c.UTC(n + 10), MSN: c.MSN(n),
		LastMSN: c.MSN(n + 9), State: markers.FaultDone, Reason: "none", Posted: true, EndedEarly: true,
		Done: []markers.Span{c.Span(n, n), c.Span(n+2, n+9)}, Collateral: []markers.Span{c.Span(n+1, n+1)}, Clean: "ab", Altered: "cd",
		Implies: []string{"a"}, Alarms: []string{"b", "c"}, Expects: []string{"d"}, Tolerates: []string{"e"}, Generator: Generator,
		Place: markers.ID{Frame: n + 29, Sub: 1},
	}
}

// Batch holds a record of every kind, and of two renditions.
func Batch() markers.Batch {
	return markers.Batch{
		Faults: []markers.FaultRecord{Fault("", 5), Fault("main-outage", 1), Fault("main-outage", 3)},
		Frames: Frames(10, 13), Missing: []markers.MissingRecord{Missing(20), Missing(40)}, Markers: []markers.Marker{Marker(12), Marker(100)},
		Segments: []markers.SegmentRecord{Segment(0), Rendition("hd", 0), Segment(1)}, Triggers: []markers.Trigger{Trigger(11), Trigger(12)},
		Detections: []markers.Detection{Detection(11), Detection(12)},
	}
}

// Trigger asks for an event from frame n on.
func Trigger(n int64) markers.Trigger {
	return markers.Trigger{Frame: n, LastFrame: n + 59, Text: "now"}
}
