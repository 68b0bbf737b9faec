package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/refstream/refstream/markers"
)

// chunkSize is the number of records that are read in one round trip: few enough that other clients of a busy Redis do
// not notice.
const chunkSize = 1000

type record interface {
	RecordID() markers.ID
	Validate() error
}

// Frames reads frame records.
func (s *Store) Frames(ctx context.Context, channel string, r markers.Range) ([]markers.FrameRecord, error) {
	return read[markers.FrameRecord](ctx, s, channel, markers.Frames, r)
}

// Missing reads the records of missing frames.
func (s *Store) Missing(ctx context.Context, channel string, r markers.Range) ([]markers.MissingRecord, error) {
	return read[markers.MissingRecord](ctx, s, channel, markers.Missing, r)
}

// Markers reads markers.
func (s *Store) Markers(ctx context.Context, channel string, r markers.Range) ([]markers.Marker, error) {
	return read[markers.Marker](ctx, s, channel, markers.Markers, r)
}

// Segments reads segment records.
func (s *Store) Segments(ctx context.Context, channel string, r markers.Range) ([]markers.SegmentRecord, error) {
	return read[markers.SegmentRecord](ctx, s, channel, markers.Segments, r)
}

// Triggers reads triggers.
func (s *Store) Triggers(ctx context.Context, channel string, r markers.Range) ([]markers.Trigger, error) {
	return read[markers.Trigger](ctx, s, channel, markers.Triggers, r)
}

// Detections reads detections.
func (s *Store) Detections(ctx context.Context, channel string, r markers.Range) ([]markers.Detection, error) {
	return read[markers.Detection](ctx, s, channel, markers.Detections, r)
}

func read[T record](ctx context.Context, s *Store, channel string, k markers.Kind, r markers.Range) ([]T, error) {
	key := streamKey(channel, k)
	low, high := r.From.String(), "+"
	if r.To != (markers.ID{}) {
		high = r.To.String()
	}
	var out []T
	for {
		n := int64(chunkSize)
		if r.Limit > 0 {
			n = min(n, int64(r.Limit-len(out)))
		}
		var messages []redis.XMessage
		var err error
		if r.Desc {
			messages, err = s.client.XRevRangeN(ctx, key, high, low, n).Result()
		} else {
			messages, err = s.client.XRangeN(ctx, key, low, high, n).Result()
		}
		if err != nil {
			return nil, s.failed(ctx, "read", err)
		}
		out = slices.Grow(out, len(messages))
		for _, m := range messages {
			rec, err := decode[T](m)
			if err != nil {
				// One entry that can't be read must not hide all others.
				s.faults.note(k, key, m.ID, err)
				continue
			}
			out = append(out, rec)
		}
		if int64(len(messages)) < n || len(out) == r.Limit {
			return out, nil
		}
		// "(" leaves the ID itself out (Redis 6.2).
		if edge := "(" + messages[len(messages)-1].ID; r.Desc {
			high = edge
		} else {
			low = edge
		}
	}
}

func decode[T record](m redis.XMessage) (rec T, err error) {
	text, ok := m.Values[field].(string)
	if !ok {
		return rec, fmt.Errorf("it has no field %q", field)
	}
	if err := json.Unmarshal([]byte(text), &rec); err != nil {
		return rec, err
	}
	if id := rec.RecordID().String(); id != m.ID {
		return rec, fmt.Errorf("it holds record %s", id)
	}
	return rec, rec.Validate()
}

// Last is the ID of the newest record that ever was in a log.
func (s *Store) Last(ctx context.Context, channel string, k markers.Kind) (markers.ID, error) {
	if err := checkKind(k); err != nil {
		return markers.ID{}, fmt.Errorf("find last record: %w", err)
	}
	pipe := s.client.Pipeline()
	exists := pipe.Exists(ctx, streamKey(channel, k))
	info := pipe.XInfoStream(ctx, streamKey(channel, k))
	_, err := pipe.Exec(ctx)
	if exists.Err() == nil && exists.Val() == 0 {
		return markers.ID{}, nil // XINFO has failed, because there is nothing
	}
	if err != nil {
		return markers.ID{}, s.failed(ctx, "find last record in", err)
	}
	id, err := markers.ParseID(info.Val().LastGeneratedID)
	if err != nil {
		return markers.ID{}, fmt.Errorf("find last record of %s: %w", streamKey(channel, k), err)
	}
	return id, nil
}

// newest is the ID of the newest record that is in a log now, the zero ID when it is empty.
func newest(ctx context.Context, c *redis.Client, key string) (markers.ID, error) {
	m, err := c.XRevRangeN(ctx, key, "+", "-", 1).Result()
	if err != nil || len(m) == 0 {
		return markers.ID{}, err
	}
	return markers.ParseID(m[0].ID)
}

func checkKind(k markers.Kind) error {
	if !slices.Contains(markers.Kinds(), k) {
		return fmt.Errorf("there are no records of kind %q", string(k))
	}
	return nil
}
