// Package markers holds the truth about a stream: the markers that name its events, the ledger of its frames and
// segments, the clocks they are told on, and what a store of them promises.
//
// Every record has an ID that is derived from the frame it speaks of, so writing it twice leaves one record, and two
// generators of one stream write the same records. Records are immutable once written.
package markers

import (
	"fmt"
	"time"

	"github.com/refstream/refstream/media"
)

// Kinds of markers.
const (
	KindScheduled = "scheduled" // an event of the schedule, a pure function of the seed
	KindManual    = "manual"    // an event that somebody triggered
)

// Box is a rectangle in pixels, from the top left corner of the picture.
type Box struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Block states where an event's block stands: Box at the event's first frame, moving Roll pixels to the left with every
// further frame, and coming in again on the right of the picture; to the right where Roll is negative.
type Block struct {
	Box
	Roll int `json:"roll"`
}

// Marker is the truth about one event. The interval is inclusive at both ends, on every clock: the event is visible in
// frames Frame to LastFrame, and EndTime and LastPTS are those of LastFrame.
type Marker struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	Run     int64  `json:"run"`
	Kind    string `json:"kind"`
	Text    string `json:"text"`
	// Time and EndTime are on the HLS clock, in seconds from the epoch.
	Time    media.Seconds `json:"time"`
	EndTime media.Seconds `json:"end_time"`
	// Frame is the first frame of the event that is in the stream. It is later than ScheduledFrame where the frames
	// before it are missing. LastFrame is as scheduled: frames lost after the marker was written are in the ledger.
	Frame          int64 `json:"frame"`
	LastFrame      int64 `json:"last_frame"`
	ScheduledFrame int64 `json:"scheduled_frame"`
	// PTS and LastPTS are 90 kHz ticks, not wrapped: on the wire they are modulo 2^33.
	PTS     int64 `json:"pts"`
	LastPTS int64 `json:"last_pts"`
	// Sample and LastSample are the first sample of sound of Frame and the last one of LastFrame, where the channel has sound: the
	// event beeps from one to the other.
	Sample     Number `json:"sample,omitzero"`
	LastSample Number `json:"last_sample,omitzero"`
	Timecode   string `json:"timecode"`
	// UTC is the nominal time of Frame; GenTime is when the generator produced it, and GenSeconds the same in seconds
	// from the epoch.
	UTC        time.Time     `json:"utc"`
	GenTime    time.Time     `json:"gen_time"`
	GenSeconds media.Seconds `json:"gen_seconds"`
	// MSN is the media sequence number of the segment that holds Frame, Offset the number of frames before it there.
	MSN    int64 `json:"msn"`
	Offset int64 `json:"offset"`
	// Box holds the block in every frame of the event; Block states exactly where in it.
	Box   Box    `json:"box"`
	Block Block  `json:"block"`
	Color string `json:"color"`
	// HiddenBy is the fault because of which no frame shows the event; empty where one does.
	HiddenBy string `json:"hidden_by,omitempty"`
	// Generator is the Channel.Generator that wrote the record: GenTime, GenSeconds and Run hold for its segments only.
	Generator string `json:"generator,omitempty"`
}

// RecordID is the marker's place in its log: that of the frame it was scheduled for, so that generators that lost
// different frames still write one marker.
func (m Marker) RecordID() ID { return ID{m.ScheduledFrame, 1} }

// Validate reports why no log can hold the record.
func (m Marker) Validate() error {
	return checkFrames(m.ScheduledFrame, m.Frame, m.LastFrame)
}

func (m Marker) generator() string { return m.Generator }

func (m Marker) wire() Record {
	m.UTC, m.GenTime = wireTime(m.UTC), wireTime(m.GenTime)
	return m
}

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
	m := Marker{
		ID: e.ID(c.Name), Channel: c.Name, Run: c.Run, Kind: e.Kind, Text: text,
		Time: k.Time(e.First), EndTime: k.Time(e.Last),
		Frame: e.First, LastFrame: e.Last, ScheduledFrame: e.Scheduled,
		PTS: k.PTS(e.First), LastPTS: k.PTS(e.Last),
		Timecode: k.Timecode(e.First).String(), UTC: k.UTC(e.First),
		MSN: k.MSN(e.First), Offset: k.Offset(e.First),
		Box: e.Band, Block: Block{Box: e.Block, Roll: e.Roll}, Color: EventColor,
		Sample: c.Sample(e.First), LastSample: c.Sample(e.Last + 1), Generator: c.Generator,
	}
	if c.Audio {
		m.LastSample.Value--
	}
	return m
}

// At gives the marker its GEN times: when the generator produced its first frame.
func (m Marker) At(gen time.Time, epoch time.Time) Marker {
	m.GenTime = gen.UTC()
	m.GenSeconds = media.Seconds(gen.Sub(epoch))
	return m
}
