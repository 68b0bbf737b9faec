package analyzer

import (
	"testing"
	"time"
)

// TestSummary follows a stream at 25 frames/s whose wall clock runs fast by 100 ppm, and whose timecode is exact.
func TestSummary(t *testing.T) {
	var s Summary
	s.AddNote(Note{Kind: NoteConnected, Text: "reading"})
	begin := time.Date(2026, 1, 31, 23, 59, 50, 0, time.UTC)
	const frames = 25 * 60
	for n := range int64(frames) {
		pts, dur := 126000+n*3600, int64(3600)
		s.AddUnit(Unit{PTS: pts, DTS: pts, Bytes: 10})
		at := begin.Add(time.Duration(n) * 40 * time.Millisecond)
		utc := at.Add(time.Duration(n) * 4 * time.Microsecond)
		frame := n
		s.AddRecord(Record{Source: FrameRecord, PTS: &pts, UTC: &utc, Frame: &frame, Timestamp: utc.Add(3 * time.Second)})
		clock := int64(at.Sub(at.Truncate(24 * time.Hour)))
		s.AddRecord(Record{Source: PicTiming, PTS: &pts, Duration: &dur, clock: &clock})
	}
	if s.Units != frames || s.Records != 2*frames || s.Bytes != 10*frames || *s.Frame != frames-1 || s.State != NoteConnected {
		t.Errorf("%+v", s)
	}
	if r := s.FrameRate(); r < 24.99 || r > 25.01 {
		t.Errorf("%v frames/s", r)
	}
	clocks := s.Clocks()
	if len(clocks) != 2 {
		t.Fatalf("%d clocks", len(clocks))
	}
	if c := clocks[0]; c.Clock != FrameRecord || c.PPM() < 99.9 || c.PPM() > 100.1 || c.Behind != 3*time.Second {
		t.Errorf("wall clock: %+v, %v ppm", c, c.PPM())
	}
	if c := clocks[1]; c.Clock != PicTiming || c.Gained != 0 || c.Since < 45*time.Second || c.HasUTC {
		t.Errorf("timecode, which begins anew at midnight: %+v", c)
	}
	s.AddNote(Note{Kind: NoteJump})
	if len(s.Clocks()) != 0 {
		t.Error("clocks are compared across a jump")
	}
	s.AddNote(Note{Kind: NoteLost, Text: "gone"})
	if s.Trouble != 1 {
		t.Errorf("%+v", s)
	}
}
