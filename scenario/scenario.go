// Package scenario knows what frame n of a channel shows: how its picture is made and which scheduled event is in it. All
// of it is a pure function of the channel's description and of n.
package scenario

import (
	"fmt"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
)

// Scenario is what one channel shows. Many goroutines may use it at once.
type Scenario struct {
	Channel markers.Channel
	Picture generator.Options
	*Schedule
}

// New makes the scenario of a channel. The error names what no picture or schedule can be made of.
func New(c markers.Channel) (*Scenario, error) {
	p := Picture(c)
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("channel %s: %w", c.Name, err)
	}
	if err := checkLadder(c); err != nil {
		return nil, fmt.Errorf("channel %s: %w", c.Name, err)
	}
	schedule, err := NewSchedule(c.Seed, c.EventEvery, c.EventLength)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", c.Name, err)
	}
	return &Scenario{c, p, schedule}, nil
}

// checkLadder reports a rendition whose pictures can't be made or told from others.
func checkLadder(c markers.Channel) error {
	taken := map[string]bool{"": true, markers.SoundRendition: true}
	for _, r := range c.Ladder {
		if taken[r.Name] {
			return fmt.Errorf("rendition %q: the name is taken: give each a size of its own", r.Name)
		}
		taken[r.Name] = true
		if err := markers.CheckRendition(r.Name); err != nil {
			return err
		}
		if err := Rendition(c, r).Validate(); err != nil {
			return fmt.Errorf("rendition %s: %w", r.Name, err)
		}
	}
	return nil
}

// Picture is the generator's part of a channel's description, which may be invalid.
func Picture(c markers.Channel) generator.Options {
	return generator.Options{
		Channel: c.Name, Width: c.Width, Height: c.Height, Rate: c.Rate, Epoch: c.Epoch, DropFrame: c.DropFrame,
		Seed: c.Seed, Noise: c.Noise, BlockSide: c.Block, RollStep: c.Roll,
	}
}

// Rendition is the generator's part of a channel's description for one of its renditions, which may be invalid: the same picture in
// another size.
func Rendition(c markers.Channel, r markers.Rendition) generator.Options {
	p := Picture(c)
	if r.Width != c.Width && c.Width > 0 {
		p.BlockSide = c.Block * r.Width / c.Width
		p.RollStep = c.Roll * r.Width / c.Width / 2 * 2
	}
	p.Width, p.Height = r.Width, r.Height
	return p
}

// Show describes an event as a stream shows it that has frame first as the first of its frames. One without a number was
// triggered by hand, with a text or none.
func (s *Scenario) Show(ev Event, first int64, text string) markers.Event {
	kind := markers.KindScheduled
	if ev.Number == 0 {
		kind = markers.KindManual
	}
	return markers.Event{
		Kind: kind, Number: ev.Number, Scheduled: ev.First, First: first, Last: ev.Last, Text: text,
		Band: markers.Box(s.Picture.Band()), Block: markers.Box(s.Picture.BlockAt(first)), Roll: s.Picture.Roll(),
	}
}

// Marker is the marker of an event whose frames are all shown, without GEN times, which only the generator knows.
func (s *Scenario) Marker(ev Event, text string) markers.Marker {
	return markers.Plan(s.Channel, s.Show(ev, ev.First, text))
}

// Near is the first scheduled event that shows in one of the frames first-1 to last+1, if there is one: a triggered event
// of frames first to last needs a frame without an event on either side.
func (s *Scenario) Near(first, last int64) (Event, bool) {
	ev := s.Next(first - 1)
	return ev, ev.Number != 0 && ev.First-1 <= last
}

// Beep is the samples of an event's beep: from the first one of its first frame to the last one of its last.
func (s *Scenario) Beep(ev Event) generator.Beep {
	return generator.Beep{First: s.Channel.Rate.Sample(ev.First), End: s.Channel.Rate.Sample(ev.Last + 1)}
}

// Beeps are those of the scheduled events that sound in the samples first to end-1.
func (s *Scenario) Beeps(first, end int64) (list []generator.Beep) {
	rate := s.Channel.Rate
	for _, ev := range s.Between(rate.FrameAtSample(first), rate.FrameAtSample(end-1)) {
		list = append(list, s.Beep(ev))
	}
	return list
}
