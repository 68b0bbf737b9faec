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
	// record is what json holds, kept of missing records only: those may come late.
	record any
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
	b = b.Wire()
	var late []markers.MissingRecord
	b.Missing = slices.DeleteFunc(b.Missing, func(r markers.MissingRecord) bool {
		if r.Late() {
			late = append(late, r)
		}
		return r.Late()
	})
	entries, err := encode(b)
	if err != nil {
		return fmt.Errorf("append to channel %s: %w", channel, err)
	}
	for part := range slices.Chunk(entries, pipelineSize) {
		refused, err := s.add(ctx, channel, part)
		if err != nil {
			return s.failed(ctx, "append to", err)
		}
		for _, e := range refused {
			if r, ok := e.record.(markers.MissingRecord); ok {
				late = append(late, r)
			} else {
				s.leftOut[e.kind].Add(1)
			}
		}
	}
	return s.addLate(ctx, channel, late)
}

// lateAttempts is how often a place is sought that another process takes first.
const lateAttempts = 20

// addLate puts the missing records that the log lacks behind its newest.
func (s *Store) addLate(ctx context.Context, channel string, late []markers.MissingRecord) error {
	if len(late) == 0 {
		return nil
	}
	have, err := s.Missing(ctx, channel, markers.Range{})
	if err != nil {
		return err
	}
	for _, r := range late {
		if slices.ContainsFunc(have, r.Same) {
			s.leftOut[markers.Missing].Add(1)
			continue
		}
		if err := s.addBehind(ctx, channel, r); err != nil {
			return err
		}
		have = append(have, r)
	}
	return nil
}

func (s *Store) addBehind(ctx context.Context, channel string, r markers.MissingRecord) error {
	for range lateAttempts {
		newest, err := s.Last(ctx, channel, markers.Missing)
		if err != nil {
			return err
		}
		if r.RecordID().Compare(newest) <= 0 {
			r = r.After(newest)
		}
		var entries []entry
		if err := encodeEach(&entries, markers.Missing, []markers.MissingRecord{r}); err != nil {
			return err
		}
		refused, err := s.add(ctx, channel, entries)
		if err != nil {
			return s.failed(ctx, "append to", err)
		}
		if len(refused) == 0 {
			return nil
		}
	}
	return fmt.Errorf("append to redis at %s: others keep adding missing frames to channel %s", s.addr, channel)
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
		e := entry{kind: k, id: id, json: data}
		if k == markers.Missing {
			e.record = r
		}
		*out = append(*out, e)
	}
	return nil
}

// add adds entries, and returns those that Redis refused because their IDs are not after the last one of their stream.
func (s *Store) add(ctx context.Context, channel string, entries []entry) (refused []entry, err error) {
	pipe := s.client.Pipeline()
	for _, e := range entries {
		pipe.XAdd(ctx, &redis.XAddArgs{
			Stream: streamKey(channel, e.kind), ID: e.id.String(), Values: []any{field, e.json},
		})
	}
	cmds, err := pipe.Exec(ctx)
	if len(cmds) < len(entries) {
		return nil, err
	}
	for i, cmd := range cmds {
		switch err := cmd.Err(); {
		case tooLate(err):
			refused = append(refused, entries[i])
		case err != nil:
			return nil, err
		}
	}
	return refused, nil
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
