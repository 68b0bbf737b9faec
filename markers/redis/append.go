package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/refstream/refstream/markers"
)

// pipelineSize is the number of commands that are sent at once: about 150 kB, which fits well into a reply timeout.
const pipelineSize = 500

// entry is one record on its way into a stream.
type entry struct {
	kind markers.Kind
	id   markers.ID
	json []byte
}

// Append adds records in one round trip for every 500. When it fails some of the first ones may have been added; to
// append all of them again is right.
func (s *Store) Append(ctx context.Context, channel string, b markers.Batch) error {
	if err := markers.CheckChannelName(channel); err != nil {
		return fmt.Errorf("append records: %w", err)
	}
	if err := b.Validate(); err != nil {
		return fmt.Errorf("append to channel %s: %w", channel, err)
	}
	entries, err := encode(b.Wire())
	if err != nil {
		return fmt.Errorf("append to channel %s: %w", channel, err)
	}
	for part := range slices.Chunk(entries, pipelineSize) {
		if err := s.add(ctx, channel, part); err != nil {
			return s.failed(ctx, "append to", err)
		}
	}
	return nil
}

// encode lists a batch's records, markers after the frames and segments that they speak of.
func encode(b markers.Batch) (out []entry, err error) {
	for _, add := range []func() error{
		func() error { return encodeEach(&out, markers.Frames, b.Frames) },
		func() error { return encodeEach(&out, markers.Missing, b.Missing) },
		func() error { return encodeEach(&out, markers.Segments, b.Segments) },
		func() error { return encodeEach(&out, markers.Markers, b.Markers) },
		func() error { return encodeEach(&out, markers.Triggers, b.Triggers) },
	} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func encodeEach[T record](out *[]entry, k markers.Kind, recs []T) error {
	for _, r := range recs {
		id := r.RecordID()
		data, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("write %s %s as JSON: %w", k, id, err)
		}
		*out = append(*out, entry{k, id, data})
	}
	return nil
}

func (s *Store) add(ctx context.Context, channel string, entries []entry) error {
	pipe := s.client.Pipeline()
	for _, e := range entries {
		pipe.XAdd(ctx, &redis.XAddArgs{
			Stream: streamKey(channel, e.kind), ID: e.id.String(), Values: []any{field, e.json},
		})
	}
	cmds, err := pipe.Exec(ctx)
	if len(cmds) < len(entries) {
		return err
	}
	for i, cmd := range cmds {
		switch err := cmd.Err(); {
		case tooLate(err):
			s.leftOut[entries[i].kind].Add(1)
		case err != nil:
			return err
		}
	}
	return nil
}

// tooLate reports whether Redis refused an entry because its ID is not after the last one of the stream. The reply has
// no code of its own, so its text has to do; Redis has not changed it since streams came with version 5.
func tooLate(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && strings.Contains(reply.Error(), "equal or smaller than the target stream top item")
}

// Trim removes the records before the given ID, exactly. Redis goes on to know the last ID.
func (s *Store) Trim(ctx context.Context, channel string, k markers.Kind, before markers.ID) error {
	if err := checkKind(k); err != nil {
		return fmt.Errorf("trim records: %w", err)
	}
	return s.failed(ctx, "trim", s.client.XTrimMinID(ctx, streamKey(channel, k), before.String()).Err())
}
