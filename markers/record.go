package markers

import "time"

// record is what the logs need to know of the records they keep.
type record[T any] interface {
	RecordID() ID
	// Validate reports why no log can hold the record.
	Validate() error
	// wire is the record as it reads back after it was written as JSON: times in UTC, without a monotonic reading.
	wire() T
}

func wireTime(t time.Time) time.Time { return t.Round(0).UTC() }

func (r FrameRecord) wire() FrameRecord {
	r.UTC = wireTime(r.UTC)
	return r
}

func (r MissingRecord) wire() MissingRecord {
	r.At = wireTime(r.At)
	return r
}

func (r SegmentRecord) wire() SegmentRecord {
	r.PublishedAt = wireTime(r.PublishedAt)
	return r
}

func (r Trigger) wire() Trigger { return r }

func (m Marker) wire() Marker {
	m.UTC, m.GenTime = wireTime(m.UTC), wireTime(m.GenTime)
	return m
}

// Wire is the batch as it reads back after it was written as JSON, for stores to write: times in UTC, without a
// monotonic reading. It shares nothing with b.
func (b Batch) Wire() Batch {
	return Batch{
		Frames: wireAll(b.Frames), Missing: wireAll(b.Missing), Markers: wireAll(b.Markers),
		Segments: wireAll(b.Segments), Triggers: wireAll(b.Triggers), Detections: wireAll(b.Detections),
	}
}

func wireAll[T record[T]](recs []T) []T {
	out := make([]T, len(recs))
	for i, r := range recs {
		out[i] = r.wire()
	}
	return out
}
