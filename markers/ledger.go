package markers

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"
)

// FrameRecord is the ledger's line for one frame that left the encoder.
type FrameRecord struct {
	Frame int64 `json:"frame"`
	// PTS and DTS are 90 kHz ticks, not wrapped.
	PTS int64 `json:"pts"`
	DTS int64 `json:"dts"`
	// Sample is the first sample of sound of the frame, counted from the epoch, where the channel has sound.
	Sample   Number    `json:"sample,omitzero"`
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
	// Fault is the fault of pictures that is done to the frame, and Shows the frame whose picture it shows in place of its own,
	// where there is one.
	Fault string `json:"fault,omitempty"`
	Shows Number `json:"shows,omitzero"`
	// Bytes is the size of the access unit as published, without start codes.
	Bytes int `json:"bytes"`
	// Generator is the Channel.Generator that wrote the record: DTS, GenNS, MonoNS, Run and Bytes hold for its segments
	// only.
	Generator string `json:"generator,omitempty"`
}

// RecordID is the record's place in its log.
func (r FrameRecord) RecordID() ID { return ID{r.Frame, 1} }

// Validate reports why no log can hold the record.
func (r FrameRecord) Validate() error { return checkFrames(r.Frame, r.Frame) }

func (r FrameRecord) generator() string { return r.Generator }

func (r FrameRecord) wire() Record {
	r.UTC = wireTime(r.UTC)
	return r
}

// SegmentRecord is the ledger's line for one published segment.
type SegmentRecord struct {
	MSN int64 `json:"msn"`
	// Rendition names the channel's rendition that the segment is of, empty for the first or only one: CheckRendition.
	Rendition   string    `json:"rendition,omitempty"`
	FirstFrame  int64     `json:"first_frame"`
	LastFrame   int64     `json:"last_frame"`
	Bytes       int64     `json:"bytes"`
	PublishedAt time.Time `json:"published_at"`
	// URI is the segment's address, relative to the playlist, Init that of the initialization section that it needs, empty where
	// it needs none.
	URI  string `json:"uri"`
	Init string `json:"init,omitempty"`
	// Also is the file of the same frames in the other container, where there are two.
	Also SegmentFile `json:"also,omitzero"`
	// Renditions are the files of the same slot in the channel's other renditions, and of its sound where that has files of its own,
	// container by container. All of them were published, or no file of the slot.
	Renditions []RenditionFile `json:"renditions,omitempty"`
	// Discontinuity marks a segment whose encoding does not continue from the one before, DiscontinuitySequence the number
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

// RenditionFile is the file of a slot in one container, of the rendition of a name.
type RenditionFile struct {
	Name string `json:"name"`
	SegmentFile
}

// Files are the segment's files, container by container.
func (r SegmentRecord) Files() []SegmentFile { return slices.Concat(r.Containers()...) }

// Containers are the segment's files in each container: all that is there of the slot in that container, and so all that it needs.
func (r SegmentRecord) Containers() [][]SegmentFile {
	list := [][]SegmentFile{{{r.URI, r.Bytes, r.Init}}}
	if r.Also.URI != "" {
		list = append(list, []SegmentFile{r.Also})
	}
	for _, f := range r.Renditions {
		for i := range list {
			if path.Ext(f.URI) == path.Ext(list[i][0].URI) {
				list[i] = append(list[i], f.SegmentFile)
			}
		}
	}
	return list
}

// RecordID is the record's place in its log.
func (r SegmentRecord) RecordID() ID { return ID{r.FirstFrame, 1} }

// Validate reports why no log can hold the record.
func (r SegmentRecord) Validate() error {
	if r.MSN < 0 {
		return fmt.Errorf("media sequence number %d is negative", r.MSN)
	}
	if err := CheckRendition(r.Rendition); err != nil {
		return err
	}
	return checkFrames(r.FirstFrame, r.LastFrame)
}

func (r SegmentRecord) generator() string { return r.Generator }

func (r SegmentRecord) rendition() string { return r.Rendition }

func (r SegmentRecord) wire() Record {
	r.PublishedAt = wireTime(r.PublishedAt)
	return r
}

// Number is a number that there may be or not; the zero Number is none.
type Number struct {
	Value int64
	Set   bool
}

// IsZero reports whether there is none.
func (n Number) IsZero() bool { return !n.Set }

// MarshalJSON writes the number.
func (n Number) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, n.Value, 10), nil }

// UnmarshalJSON reads a number.
func (n *Number) UnmarshalJSON(b []byte) error {
	n.Set = true
	return json.Unmarshal(b, &n.Value)
}
