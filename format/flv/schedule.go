package flv

import (
	"cmp"
	"slices"

	"github.com/refstream/refstream/media"
)

// Scripts is what script tags are made of beside an access unit.
type Scripts struct {
	// FI is what time it is at the unit's frame. It is sent if that frame is the first of its second.
	FI FI
	// Cues are those that have become known with the unit; their frames may be earlier or later ones.
	Cues []Cue
}

// Cue is a cue point with the frame that it is for.
type Cue struct {
	CuePoint
	// Frame is the number of the frame, PTS when it is shown, in 90 kHz ticks; FI is what time it is then.
	Frame, PTS int64
	FI         FI
}

// remembered is how many frames that had an onFI are remembered, so that a cue that becomes known late doesn't give
// them another. A cue is late by the few frames that are missing or reordered; there is at most an onFI a second and
// one a cue.
const remembered = 64

// scriptKind states what a script that is held back is for.
type scriptKind int

const (
	fiOfSecond scriptKind = iota
	fiOfCue
	cuePoint
)

// script is a script tag to be, for the time at which a frame is shown.
type script struct {
	kind   scriptKind
	at     int64 // milliseconds, not wrapped
	frame  int64
	second int64    // of fiOfSecond
	fi     FI       // of fiOfSecond and fiOfCue
	cue    CuePoint // of cuePoint
}

// schedule decides which scripts there are, and holds each back until the video has come to its time: pictures are
// reordered, and a tag's place in the file is that of its time among the DTS.
type schedule struct {
	rate media.FrameRate
	held []script
	// done is the last second of the stream whose first frame is certain, once begun is set.
	done  int64
	begun bool
	// said are frames that have had an onFI lately, the newest last.
	said []int64
}

// add takes the scripts of an access unit.
func (s *schedule) add(u *media.Unit, scripts Scripts) {
	s.addFrame(u, scripts.FI)
	for _, c := range scripts.Cues {
		at := millis(c.PTS)
		s.held = append(s.held,
			script{kind: fiOfCue, at: at, frame: c.Frame, fi: c.FI},
			script{kind: cuePoint, at: at, frame: c.Frame, cue: c.CuePoint})
	}
}

// addFrame makes the frame the first of its second if it is, so far: in decoding order an earlier one may follow.
func (s *schedule) addFrame(u *media.Unit, fi FI) {
	second := s.rate.Ticks(u.Frame) / media.TicksPerSecond
	if s.begun && second <= s.done {
		return
	}
	first := script{kind: fiOfSecond, at: millis(u.PTS), frame: u.Frame, second: second, fi: fi}
	for i, h := range s.held {
		if h.kind == fiOfSecond && h.second == second {
			if u.Frame < h.frame {
				s.held[i] = first
			}
			return
		}
	}
	s.held = append(s.held, first)
}

// due takes out the scripts whose time is at or before a time in milliseconds, in the order of time. No frame that is
// shown before that time can follow when it is a DTS, so the first frames of seconds are certain then.
func (s *schedule) due(at int64) []script {
	var out []script
	s.held = slices.DeleteFunc(s.held, func(h script) bool {
		if h.at <= at {
			out = append(out, h)
		}
		return h.at <= at
	})
	slices.SortStableFunc(out, func(a, b script) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.frame, b.frame), cmp.Compare(a.kind, b.kind))
	})
	return slices.DeleteFunc(out, func(h script) bool {
		if h.kind == fiOfSecond && (!s.begun || h.second > s.done) {
			s.done, s.begun = h.second, true
		}
		if h.kind == cuePoint {
			return false
		}
		if slices.Contains(s.said, h.frame) {
			return true
		}
		if len(s.said) == remembered {
			s.said = slices.Delete(s.said, 0, 1)
		}
		s.said = append(s.said, h.frame)
		return false
	})
}
