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
	kind   markers.Kind
	record markers.Record
	json   []byte
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
	var entries []entry
	for _, k := range markers.Kinds() {
		if k.TakesLate() {
			continue
		}
		more, err := encode(k, b.Records(k))
		if err != nil {
			return fmt.Errorf("append to channel %s: %w", channel, err)
		}
		entries = append(entries, more...)
	}
	for part := range slices.Chunk(entries, pipelineSize) {
		passed, err := s.add(ctx, channel, part)
		if err != nil {
			return s.failed(ctx, "append to", err)
		}
		for k, list := range passed {
			s.leave(ctx, channel, k, len(list), list)
		}
	}
	for _, k := range markers.Kinds() {
		if k.TakesLate() && len(b.Records(k)) > 0 {
			if err := s.addLate(ctx, channel, k, b); err != nil {
				return err
			}
		}
	}
	if len(b.Detections) == 0 {
		return nil
	}
	return s.failed(ctx, "trim", s.client.XTrimMaxLenApprox(ctx, streamKey(channel, markers.Detections), markers.MaxDetections, 0).Err())
}

// lateAttempts is how often a place is sought that another process takes first.
const lateAttempts = 20

// addLate adds records of a kind that takes late ones.
func (s *Store) addLate(ctx context.Context, channel string, k markers.Kind, b markers.Batch) error {
	s.placing.Lock() // so that a place is taken by other processes only
	defer s.placing.Unlock()
	for range lateAttempts {
		end, err := s.Last(ctx, channel, k)
		if err != nil {
			return err
		}
		added, err := s.AppendAfter(ctx, channel, k, end, b)
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
	list := b.Records(k)
	if len(list) == 0 {
		return false, fmt.Errorf("append %[1]s to channel %[2]s: the batch holds no %[1]s", k, channel)
	}
	fresh, passed, err := markers.Admit(list, end, func() ([]markers.Record, error) { return s.Read(ctx, channel, k, markers.Range{}) })
	if err != nil {
		return false, err
	}
	entries, err := encode(k, fresh)
	if err != nil {
		return false, fmt.Errorf("append to channel %s: %w", channel, err)
	}
	for part := range slices.Chunk(entries, pipelineSize) {
		args := []any{end.String()}
		for _, e := range part {
			args, end = append(args, e.record.RecordID().String(), e.json), e.record.RecordID()
		}
		fits, err := s.addScript.Run(ctx, s.client, []string{streamKey(channel, k)}, args...).Bool()
		if err != nil || !fits {
			return false, s.failed(ctx, "append to", err)
		}
	}
	s.leave(ctx, channel, k, len(list)-len(fresh), passed)
	return true, nil
}

// leave counts records that a log left out, and logs those of them that it does not hold: they came too late.
func (s *Store) leave(ctx context.Context, channel string, k markers.Kind, n int, passed []markers.Record) {
	s.leftOut[k].Add(int64(n))
	if len(passed) == 0 {
		return
	}
	held, _ := s.Read(ctx, channel, k, markers.Range{From: passed[0].RecordID(), To: passed[len(passed)-1].RecordID()})
	late := slices.DeleteFunc(passed, func(r markers.Record) bool { return slices.Contains(held, r) })
	if len(late) > 0 {
		s.faults.log.Error("records came too late and are left out: their log in Redis holds none of them, or others in their places",
			"channel", channel, "kind", k, "first", late[0].RecordID().String(), "records", len(late))
	}
}

func encode(k markers.Kind, list []markers.Record) (out []entry, err error) {
	for _, r := range list {
		data, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("write %s %s as JSON: %w", k, r.RecordID(), err)
		}
		out = append(out, entry{k, r, data})
	}
	return out, nil
}

// add adds entries, and returns those that Redis refused because their IDs are not after the last one of their stream.
func (s *Store) add(ctx context.Context, channel string, entries []entry) (map[markers.Kind][]markers.Record, error) {
	pipe := s.client.Pipeline()
	for _, e := range entries {
		pipe.XAdd(ctx, &redis.XAddArgs{
			Stream: streamKey(channel, e.kind), ID: e.record.RecordID().String(), Values: []any{field, e.json},
		})
	}
	cmds, err := pipe.Exec(ctx)
	if len(cmds) < len(entries) {
		return nil, err
	}
	passed := map[markers.Kind][]markers.Record{}
	for i, cmd := range cmds {
		switch e, err := entries[i], cmd.Err(); {
		case tooLate(err):
			passed[e.kind] = append(passed[e.kind], e.record)
		case err != nil:
			return nil, err
		}
	}
	return passed, nil
}

// tooLate reports whether Redis refused an entry because its ID is not after the last one of the stream. The reply has
// no code of its own, so its text has to do; Redis has not changed it since streams came with version 5.
func tooLate(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && strings.Contains(reply.Error(), "equal or smaller than the target stream top item")
}

// Trim removes the records before the given ID, exactly. Redis goes on to know the last ID.
func (s *Store) Trim(ctx context.Context, channel string, k markers.Kind, before markers.ID) error {
	if err := k.Check(); err != nil {
		return fmt.Errorf("trim records: %w", err)
	}
	return s.failed(ctx, "trim", s.client.XTrimMinID(ctx, streamKey(channel, k), before.String()).Err())
}
