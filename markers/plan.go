package markers

import (
	"fmt"
	"time"
)

// EventColor is the colour that an event's block has in the picture: cyan.
const EventColor = "#00ffff"

// Event is what a marker is made from: a stretch of frames and where its block stands.
type Event struct {
	// Kind is KindScheduled or KindManual. Number counts the scheduled events from 1.
	Kind   string
	Number int64
	// Scheduled is the frame that the event was planned to begin with. First is the first of its frames that is in the
	// stream, Last its last frame, inclusive.
	Scheduled, First, Last int64
	// Text names the event; where it is empty the kind and the number do.
	Text string
	// Band holds the block in every frame. Block is its place at frame First, which moves Roll pixels a frame.
	Band, Block Box
	Roll        int
}

// ID is the identity of the event's marker: {channel}-e{number} or {channel}-t{frame}.
func (e Event) ID(channel string) string {
	if e.Kind == KindManual {
		return fmt.Sprintf("%s-t%d", channel, e.Scheduled)
	}
	return fmt.Sprintf("%s-e%d", channel, e.Number)
}

// Plan makes the marker of an event, all but its GEN times, which only the generator can tell.
func Plan(c Channel, e Event) Marker {
	text := e.Text
	if text == "" {
		text = "Manual marker"
		if e.Kind != KindManual {
			text = fmt.Sprintf("Marker %d", e.Number)
		}
	}
	k := c.Clock()
	return Marker{
		ID: e.ID(c.Name), Channel: c.Name, Run: c.Run, Kind: e.Kind, Text: text,
		Time: k.Time(e.First), EndTime: k.Time(e.Last),
		Frame: e.First, LastFrame: e.Last, ScheduledFrame: e.Scheduled,
		PTS: k.PTS(e.First), LastPTS: k.PTS(e.Last),
		Timecode: k.Timecode(e.First).String(), UTC: k.UTC(e.First),
		MSN: k.MSN(e.First), Offset: k.Offset(e.First),
		Box: e.Band, Block: Block{Box: e.Block, Roll: e.Roll}, Color: EventColor,
		Generator: c.Generator,
	}
}

// At gives the marker its GEN times: when the generator produced its first frame.
func (m Marker) At(gen time.Time, epoch time.Time) Marker {
	m.GenTime = gen.UTC()
	m.GenSeconds = Seconds(gen.Sub(epoch))
	return m
}
