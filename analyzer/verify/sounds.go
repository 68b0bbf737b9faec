package verify

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/sound"
	"github.com/refstream/refstream/media"
)

const (
	// soundTolerance is up to where sound counts as in time with the pictures, in nanoseconds, besides the rounding of time stamps.
	soundTolerance = int64(time.Millisecond)
	// codeSamples is a little more than a code has, and edge what a decoder may spoil at the start: two units of AAC.
	codeSamples, edge = media.SampleRate * 31 / 100, 2048
	// halfUnit is half a unit of AAC: a shorter gap leaves out none.
	halfUnit = 512
)

// soundNanos is a time in samples in nanoseconds.
func soundNanos(samples int64) int64 {
	return media.MulDivFloor(samples, int64(time.Second), media.SampleRate)
}

// checkSound compares the sound with the pictures. Where faults are labelled, what is wrong with the sound alone is a note: what the
// faults of other layers do to it is not calculated.
func (c *checker) checkSound(r *report.Report) (findings []report.Finding) {
	if !c.channel.Audio {
		return nil
	}
	s := c.in.sound
	if s == nil {
		return c.withoutSound(r)
	}
	codes := s.Left
	switch {
	case len(s.Left) == 0 && len(s.Right) > 0:
		codes = s.Right
		findings = append(findings, report.Finding{Kind: report.SoundChannel, Count: int64(len(codes)), Text: "the sound of the left channel is in the right one"})
	case len(s.Left) > 0 && len(s.Right) > 0:
		findings = append(findings, report.Finding{Kind: report.SoundChannel, Count: int64(len(s.Right)), Text: "the sound of the left channel is in both channels"})
	}
	list, unmet := c.soundSamples(codes)
	r.Sound = &report.SoundSummary{Codes: len(list), Unreadable: unreadableCodes(s, codes)}
	if n := r.Sound.Unreadable; n > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s of the sound can't be read, and %s not compared", report.Plural(int64(n), "sample code"), report.IsAre(int64(n))))
	}
	if unmet > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s of the sound %s of no time at which pictures are there", report.Plural(int64(unmet), "sample code"), report.IsAre(int64(unmet))))
	}
	if len(list) > 0 {
		middle := media.Seconds(median(list))
		r.Sound.Offset = &middle
		tolerance := soundTolerance + 2*c.in.info.Resolution()
		if c.cadence.retimed {
			tolerance += c.channel.Rate.Nanos(1)
		}
		clock := newClockReport(report.SoundClock, tolerance, list, 0, true)
		r.Clocks = append(r.Clocks, clock)
		findings = append(findings, clockFindings([]report.Clock{clock})...)
	} else {
		r.Notes = append(r.Notes, "no sample code of the sound can be compared with a picture: its time is not known")
	}
	findings = append(findings, c.soundPlaces(s)...)
	if c.labels == nil {
		return findings
	}
	for _, f := range findings {
		r.Notes = append(r.Notes, "the sound is not judged where faults are labelled: "+f.Text)
	}
	return nil
}

// withoutSound reports why there is none. A playlist of fragmented MP4 may have it elsewhere.
func (c *checker) withoutSound(r *report.Report) []report.Finding {
	elsewhere := c.in.kind == input.MP4 || c.in.kind == input.HLS && !c.in.packets
	if err := c.in.noSound; err != nil && !errors.Is(err, sound.ErrNone) {
		r.Notes = append(r.Notes, fmt.Sprintf("the sound is not compared: %s", err))
		return nil
	}
	if elsewhere || c.in.unread != nil || c.labels != nil {
		r.Notes = append(r.Notes, "the channel has sound, and there is none in what was read: give the multivariant playlist or the manifest to have it compared")
		return nil
	}
	return []report.Finding{{Kind: report.SoundMissing, Text: "the channel has sound, and the stream has none"}}
}

// soundSamples is how late the sound is at each code against the picture of the nearest frame; unmet are codes with no picture of a
// frame within a second.
func (c *checker) soundSamples(codes []sound.Code) (list []report.Sample, unmet int) {
	modulus := int64(0)
	if m := c.in.info.Modulus(); m > 0 {
		modulus = media.MulDivFloor(m, int64(time.Second), media.TicksPerSecond)
	}
	var timed []int
	for _, i := range c.timed {
		if c.in.pictures[i].Timed {
			timed = append(timed, i)
		}
	}
	slices.SortStableFunc(timed, func(a, b int) int { return cmp.Compare(c.in.pictures[a].Frame, c.in.pictures[b].Frame) })
	rate := c.channel.Rate
	for _, code := range codes {
		frame := rate.FrameAtSample(code.Sample)
		k, _ := slices.BinarySearchFunc(timed, frame, func(i int, n int64) int { return cmp.Compare(c.in.pictures[i].Frame, n) })
		best := -1
		for _, at := range []int{k - 1, k} {
			if at < 0 || at >= len(timed) {
				continue
			}
			if d := distance(c.in.pictures[timed[at]].Frame, frame); d <= rate.Base() && (best < 0 || d < distance(c.in.pictures[timed[best]].Frame, frame)) {
				best = at
			}
		}
		if best < 0 {
			unmet++
			continue
		}
		p := c.in.pictures[timed[best]]
		apart := soundNanos(code.At) - media.MulDivFloor(p.PTS, int64(time.Second), media.TicksPerSecond)
		should := soundNanos(code.Sample) - rate.Nanos(p.Frame)
		list = append(list, report.Sample{Frame: frame, At: int64(c.clock.Time(frame)), Err: centre(apart-should, modulus)})
	}
	sortSamples(list)
	return list, unmet
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// unreadableCodes counts the codes that should be in the sound, whole, and were not read. Where it is silent there is none.
func unreadableCodes(s *sound.Sound, codes []sound.Code) (n int) {
	if len(codes) == 0 {
		return 0
	}
	for _, r := range s.Runs {
		i := slices.IndexFunc(codes, func(c sound.Code) bool { return c.At >= r.First && c.At < r.End })
		if i < 0 {
			continue
		}
		at := codes[i].At
		for ; at-media.SampleRate >= r.First+edge; at -= media.SampleRate {
		}
		for ; at+codeSamples+edge <= r.End; at += media.SampleRate {
			there := slices.ContainsFunc(codes, func(c sound.Code) bool { return distance(c.At, at) < media.SampleRate/2 })
			silent := slices.ContainsFunc(s.Silent, func(q sound.Run) bool { return q.First < at+codeSamples && q.End > at })
			if !there && !silent {
				n++
			}
		}
	}
	return n
}

// soundPlaces finds silence, and where the time stamps of the sound leave a gap while there are pictures, or go back.
func (c *checker) soundPlaces(s *sound.Sound) (list []report.Finding) {
	silent := report.Finding{Kind: report.SoundSilent}
	for _, q := range s.Silent {
		if len(s.Left) == 0 && len(s.Right) > 0 {
			break // it is in the other channel
		}
		if p, ok := c.soundPlace(q.First, q.End); ok {
			silent.Add(p)
		}
	}
	missing, repeated := report.Finding{Kind: report.SoundMissing}, report.Finding{Kind: report.SoundRepeated}
	for i := 1; i < len(s.Runs); i++ {
		from, to := s.Runs[i-1].End, s.Runs[i].First
		if d := to - from; d < halfUnit && d > -halfUnit || d > media.SampleRate*60 || d < -media.SampleRate*60 {
			continue // rounding; or the stream begins with other time stamps, which the clocks show
		}
		p, ok := c.soundPlace(min(from, to), max(from, to))
		switch {
		case to < from:
			repeated.Add(p)
		case ok:
			missing.Add(p)
		}
	}
	for _, f := range []report.Finding{silent, missing, repeated} {
		if f.Count == 0 {
			continue
		}
		f.Text = fmt.Sprintf("%s in %s: at %s", map[report.Kind]string{
			report.SoundSilent: "the sound is silent", report.SoundMissing: "sound is missing", report.SoundRepeated: "the time stamps of the sound go back",
		}[f.Kind], report.Plural(f.Count, "place"), report.Names(f.Places))
		list = append(list, f)
	}
	return list
}

// soundPlace is a stretch of the sound as frames whose pictures are shown then; ok is false where there are no pictures. Of a stretch
// that is shorter than two frames, it is the picture before.
func (c *checker) soundPlace(first, end int64) (report.Place, bool) {
	from, to := media.MulDivFloor(first, media.TicksPerSecond, media.SampleRate), media.MulDivFloor(end, media.TicksPerSecond, media.SampleRate)
	short := to-from < 2*c.channel.Rate.Ticks(1)
	if short {
		from -= c.channel.Rate.Ticks(1)
	}
	modulus := c.in.info.Modulus()
	place, ok := report.Place{}, false
	for _, i := range c.timed {
		p := c.in.pictures[i]
		if at := centre(p.PTS-from, modulus); !p.Timed || at < 0 || at > to-from {
			continue
		}
		if !ok {
			place, ok = c.place(p.Frame), true
		}
		place.Last = p.Frame
	}
	return place, ok
}
