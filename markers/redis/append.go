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
	detections := markers.Batch{Detections: b.Detections}
	b.Detections = nil
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
	if err := s.addLate(ctx, channel, markers.Missing, markers.Batch{Missing: late}); err != nil || detections.Empty() {
		return err
	}
	if err := s.addLate(ctx, channel, markers.Detections, detections); err != nil {
		return err
	}
	return s.failed(ctx, "trim", s.client.XTrimMaxLenApprox(ctx, streamKey(channel, markers.Detections), markers.MaxDetections, 0).Err())
}

// lateAttempts is how often a place is sought that another process takes first.
const lateAttempts = 20

// addLate puts records behind the newest of a log, of missing records those that it lacks.
func (s *Store) addLate(ctx context.Context, channel string, k markers.Kind, late markers.Batch) error {
	if late.Empty() {
		return nil
	}
	s.placing.Lock() // so that a place is taken by other processes only
	defer s.placing.Unlock()
	for range lateAttempts {
		end, err := s.Last(ctx, channel, k)
		if err != nil {
			return err
		}
		added, err := s.AppendAfter(ctx, channel, k, end, late)
		if err != nil || added {
			return err
		}
	}
	return fmt.Errorf("append to redis at %s: others keep adding %s to channel %s", s.addr, k, channel)
}

// addScript adds entries to a stream that ends with a given ID: Redis runs a script as one step. Its arguments are the ID,
// and the IDs and records of the entries in turn.
const addScript = `
local last = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
  end
end
if last ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do
  redis.call('XADD', KEYS[1], ARGV[i], '` + field + `', ARGV[i + 1])
end
return 1`

// AppendAfter is Append for records of one kind to a log of which the caller knows the end. Where the log ends elsewhere by
// now, because others added to it or it was emptied, added is false. For every 500 records Redis looks at the end and adds
// them in one step.
func (s *Store) AppendAfter(ctx context.Context, channel string, k markers.Kind, end markers.ID, b markers.Batch,
) (added bool, err error) {
	if err := markers.CheckChannelName(channel); err != nil {
		return false, fmt.Errorf("append records: %w", err)
	}
	if err := b.Validate(); err != nil {
		return false, fmt.Errorf("append to channel %s: %w", channel, err)
	}
	b = b.Wire()
	all := len(b.Missing)
	if b.Missing, err = s.place(ctx, channel, end, b.Missing); err != nil {
		return false, err
	}
	leftOut := int64(all - len(b.Missing))
	place := end
	for i, d := range b.Detections {
		b.Detections[i], _ = markers.Admissible(d, place)
		place = b.Detections[i].RecordID()
	}
	entries, err := encode(b)
	if err != nil {
		return false, fmt.Errorf("append to channel %s: %w", channel, err)
	}
	for part := range slices.Chunk(entries, pipelineSize) {
		args := []any{end.String()}
		for _, e := range part {
			switch {
			case e.kind != k:
				return false, fmt.Errorf("append %s to channel %s: the batch holds %s", k, channel, e.kind)
			case e.id.Compare(end) <= 0:
				leftOut++
			default:
				args, end = append(args, e.id.String(), e.json), e.id
			}
		}
		fits, err := s.addScript.Run(ctx, s.client, []string{streamKey(channel, k)}, args...).Bool()
		if err != nil || !fits {
			return false, s.failed(ctx, "append to", err)
		}
	}
	s.leftOut[k].Add(leftOut)
	return true, nil
}

// place lists the missing records that a log with the given end lacks, with their places in it.
func (s *Store) place(ctx context.Context, channel string, end markers.ID, list []markers.MissingRecord,
) (fresh []markers.MissingRecord, err error) {
	var have []markers.MissingRecord
	read := false
	for _, r := range list {
		if !read && (r.Late() || r.RecordID().Compare(end) <= 0) {
			if have, err = s.Missing(ctx, channel, markers.Range{}); err != nil {
				return nil, err
			}
			read = true
		}
		if r, ok := markers.Admissible(r, end, have, fresh); ok {
			fresh, end = append(fresh, r), r.RecordID()
		}
	}
	return fresh, nil
}

// encode lists a batch's records, markers after the frames and segments that they speak of.
func encode(b markers.Batch) (out []entry, err error) {
	for _, add := range []func() error{
		func() error { return encodeEach(&out, markers.Frames, b.Frames) },
		func() error { return encodeEach(&out, markers.Missing, b.Missing) },
		func() error { return encodeEach(&out, markers.Segments, b.Segments) },
		func() error { return encodeEach(&out, markers.Markers, b.Markers) },
		func() error { return encodeEach(&out, markers.Triggers, b.Triggers) },
		func() error { return encodeEach(&out, markers.Detections, b.Detections) },
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
