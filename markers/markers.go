// Package markers holds the truth about a stream: the markers that name its events, the ledger of its frames and
// segments, the clocks they are told on, and the stores that keep them.
//
// Every record has an ID that is derived from the frame it speaks of, so writing it twice leaves one record, and two
// generators of one stream write the same records. Records are immutable once written.
package markers

import (
	"time"

	"github.com/refstream/refstream/media"
)

// Channel describes one stream: everything that its clocks and its picture depend on.
type Channel struct {
	Name string `json:"channel"`
	// Run counts the generator's starts in one data directory, from 1.
	Run int64 `json:"run"`
	// Epoch is the nominal UTC of frame 0, a whole number of milliseconds.
	Epoch time.Time `json:"epoch"`
	// Rate is the number of frames per second, FramesPerSegment the length of a segment and of a GOP in frames.
	Rate             media.FrameRate `json:"fps"`
	FramesPerSegment int64           `json:"frames_per_segment"`
	DropFrame        bool            `json:"drop_frame"`
	// PTSOrigin is the PTS of frame 0 in 90 kHz ticks.
	PTSOrigin int64  `json:"pts_origin"`
	Seed      uint64 `json:"seed"`
	// Width and Height are the picture's size in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// EventEvery is the mean distance between the starts of scheduled events, EventLength their length, in frames.
	EventEvery  int64 `json:"event_every_frames"`
	EventLength int64 `json:"event_length_frames"`
	// Noise is the standard deviation of the noise over the board, in levels of 255; Block the side of its squares and Roll
	// by how much it moves to the left a frame, in pixels, each 0 where refstream chooses it.
	Noise int `json:"noise,omitempty"`
	Block int `json:"block,omitempty"`
	Roll  int `json:"roll,omitempty"`
	// Window is how long segments stay published, in segments.
	Window int64 `json:"window_segments"`
	// Bitrate is what the encoder aims at, in bit/s, and KeepMarkers how long markers are kept, each 0 where that is not known. They
	// are those of the last start, for the next one.
	Bitrate     int64   `json:"bitrate,omitempty"`
	KeepMarkers Seconds `json:"keep_markers_seconds,omitempty"`
	// Container is what segments are packed in, such as ts,fmp4, at the last start; empty for MPEG-TS alone.
	Container string `json:"container,omitempty"`
	// Generator is the id of the data directory in which the channel is generated, empty where it has none. Two generators
	// of one stream have the same frames, and two ids: what they measure differs.
	Generator string `json:"generator,omitempty"`
}

// Clock is the channel's clock.
func (c Channel) Clock() Clock {
	return Clock{Rate: c.Rate, Epoch: c.Epoch, FramesPerSegment: c.FramesPerSegment, DropFrame: c.DropFrame}
}

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

// Block says where an event's block stands: Box at the event's first frame, moving Roll pixels to the left with every
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
	Time    Seconds `json:"time"`
	EndTime Seconds `json:"end_time"`
	// Frame is the first frame of the event that is in the stream. It is later than ScheduledFrame where the frames
	// before it are missing. LastFrame is as scheduled: frames lost after the marker was written are in the ledger.
	Frame          int64 `json:"frame"`
	LastFrame      int64 `json:"last_frame"`
	ScheduledFrame int64 `json:"scheduled_frame"`
	// PTS and LastPTS are 90 kHz ticks, not wrapped: on the wire they are modulo 2^33.
	PTS      int64  `json:"pts"`
	LastPTS  int64  `json:"last_pts"`
	Timecode string `json:"timecode"`
	// UTC is the nominal time of Frame; GenTime is when the generator produced it, and GenSeconds the same in seconds
	// from the epoch.
	UTC        time.Time `json:"utc"`
	GenTime    time.Time `json:"gen_time"`
	GenSeconds Seconds   `json:"gen_seconds"`
	// MSN is the media sequence number of the segment that holds Frame, Offset the number of frames before it there.
	MSN    int64 `json:"msn"`
	Offset int64 `json:"offset"`
	// Box holds the block in every frame of the event; Block says exactly where in it.
	Box   Box    `json:"box"`
	Block Block  `json:"block"`
	Color string `json:"color"`
	// Generator is the Channel.Generator that wrote the record: GenTime, GenSeconds and Run hold for its segments only.
	Generator string `json:"generator,omitempty"`
}

// FrameRecord is the ledger's line for one frame that left the encoder.
type FrameRecord struct {
	Frame int64 `json:"frame"`
	// PTS and DTS are 90 kHz ticks, not wrapped.
	PTS      int64     `json:"pts"`
	DTS      int64     `json:"dts"`
	Timecode string    `json:"timecode"`
	UTC      time.Time `json:"utc"`
	// GenNS is when the generator produced the frame, in UTC nanoseconds since 1970; MonoNS the same in monotonic
	// nanoseconds since the run began.
	GenNS  int64 `json:"gen_ns"`
	MonoNS int64 `json:"mono_ns"`
	Run    int64 `json:"run"`
	Key    bool  `json:"key"`
	MSN    int64 `json:"msn"`
	Offset int64 `json:"offset"`
	// Event is the ID of the marker whose event the frame shows, or empty.
	Event string `json:"event"`
	// Bytes is the size of the access unit as published, without start codes.
	Bytes int `json:"bytes"`
	// Generator is the Channel.Generator that wrote the record: DTS, GenNS, MonoNS, Run and Bytes hold for its segments
	// only.
	Generator string `json:"generator,omitempty"`
}

// Reasons for frames that are missing.
const (
	ReasonSkipped = "skipped" // the machine could not keep up: whole segments were not rendered
	ReasonEncoder = "encoder" // the encoder ended before it gave the frames back
	ReasonDown    = "down"    // no generator was running
	ReasonPublish = "publish" // the frames left the encoder, but their segment could not be published in full
	ReasonLost    = "lost"    // the frames were published, and their file or records were gone at a later start
)

// MissingRecord says that the frames from Frame to LastFrame, inclusive, are not in the published segments, and why.
// Where the reason is ReasonPublish the frames may have a FrameRecord too: they left the encoder.
type MissingRecord struct {
	Frame     int64     `json:"frame"`
	LastFrame int64     `json:"last_frame"`
	Reason    string    `json:"reason"`
	Detail    string    `json:"detail,omitempty"`
	At        time.Time `json:"at"`
	// Generator is the Channel.Generator whose segments lack the frames.
	Generator string `json:"generator,omitempty"`
	// Place is set where the frames were found missing late, when the log held a record of later ones already: the
	// record's place in the log then, behind the newest. See After.
	Place ID `json:"place,omitzero"`
}

// SegmentRecord is the ledger's line for one published segment.
type SegmentRecord struct {
	MSN         int64     `json:"msn"`
	FirstFrame  int64     `json:"first_frame"`
	LastFrame   int64     `json:"last_frame"`
	Bytes       int64     `json:"bytes"`
	PublishedAt time.Time `json:"published_at"`
	// URI is the segment's address, relative to the playlist, Init that of the initialization section that it needs, empty where
	// it needs none.
	URI  string `json:"uri"`
	Init string `json:"init,omitempty"`
	// Also are the files of the same frames in other containers.
	Also []SegmentFile `json:"also,omitempty"`
	// Discontinuity marks a segment whose encoding does not go on from the one before, DiscontinuitySequence the number
	// of such segments up to and including this one since the epoch of the data directory.
	Discontinuity         bool  `json:"discontinuity"`
	DiscontinuitySequence int64 `json:"discontinuity_sequence"`
	// Generator is the Channel.Generator that wrote the record: Bytes, PublishedAt, Discontinuity and
	// DiscontinuitySequence hold for its segments only.
	Generator string `json:"generator,omitempty"`
}

// SegmentFile is the file of a segment in one container: its members are those of SegmentRecord.
type SegmentFile struct {
	URI   string `json:"uri"`
	Bytes int64  `json:"bytes"`
	Init  string `json:"init,omitempty"`
}

// Files are the segment's files in all containers.
func (r SegmentRecord) Files() []SegmentFile {
	return append([]SegmentFile{{r.URI, r.Bytes, r.Init}}, r.Also...)
}

// Trigger asks for an event at a given time: it is written before the generator renders its first frame.
type Trigger struct {
	Frame     int64  `json:"frame"`
	LastFrame int64  `json:"last_frame"`
	Text      string `json:"text"`
}
