package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/refstream/refstream/markers"
)

const (
	// atOnce is the number of records that are sent at once: about 150 kB, which fits well into a reply timeout.
	atOnce = 500
	// attempts is how often the end of a log is looked for at which another process is first to add.
	attempts = 20
)

// addScript adds entries to a stream that ends with a given ID: Redis runs a script as one step. Its arguments are the kind, which is added
// to the set at the second key where there is one, the ID, and the IDs and records of the entries in turn.
const addScript = `
local last = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
  end
end
if last ~= ARGV[2] then return 0 end
if KEYS[2] then redis.call('SADD', KEYS[2], ARGV[1]) end
for i = 3, #ARGV, 2 do
  redis.call('XADD', KEYS[1], ARGV[i], '` + field + `', ARGV[i + 1])
end
return 1`

// Append adds records, for every 500 of a kind in one step. When it fails some of the first ones may have been added; to
// append all of them again is right.
func (s *Store) Append(ctx context.Context, channel string, b markers.Batch) error {
	if err := check(channel, b); err != nil {
		return err
	}
	var late error
	for _, k := range b.Kinds() {
		err := s.appendToEnd(ctx, channel, k, b.Records(k))
		if err != nil && !errors.Is(err, markers.ErrLate) {
			return errors.Join(err, late)
		}
		late = errors.Join(late, err)
	}
	if len(b.Detections) == 0 {
		return late
	}
	trimmed := s.client.XTrimMaxLenApprox(ctx, streamKey(channel, markers.Detections), markers.MaxDetections, 0).Err()
	return errors.Join(s.failed(ctx, "trim", trimmed), late)
}

func (s *Store) appendToEnd(ctx context.Context, channel string, k markers.Kind, list []markers.Record) error {
	s.appending.Lock() // so that ends are moved by other processes only
	defer s.appending.Unlock()
	for range attempts {
		end, err := s.Last(ctx, channel, k)
		if err != nil {
			return err
		}
		added, err := s.appendAfter(ctx, channel, k, end, list)
		if err != nil || added {
			return err
		}
	}
	return fmt.Errorf("append to redis at %s: others keep adding %s to channel %s", s.addr, k, channel)
}

// AppendAfter is Append for records of one kind to a log of which the caller knows the end. Where the log ends elsewhere by
// now, because others added to it or it was emptied, added is false. For every 500 records Redis looks at the end and adds
// them in one step. added may be true with an error that wraps ErrLate.
func (s *Store) AppendAfter(ctx context.Context, channel string, k markers.Kind, end markers.ID, b markers.Batch,
) (added bool, err error) {
	if err := check(channel, b); err != nil {
		return false, err
	}
	list := b.Records(k)
	if len(list) == 0 {
		return false, fmt.Errorf("append %[1]s to channel %[2]s: the batch holds no %[1]s", k, channel)
	}
	return s.appendAfter(ctx, channel, k, end, list)
}

func check(channel string, b markers.Batch) error {
	if err := markers.CheckChannelName(channel); err != nil {
		return fmt.Errorf("append records: %w", err)
	}
	if err := b.Validate(); err != nil {
		return fmt.Errorf("append to channel %s: %w", channel, err)
	}
	return nil
}

func (s *Store) appendAfter(ctx context.Context, channel string, k markers.Kind, end markers.ID, list []markers.Record,
) (added bool, err error) {
	fresh, late, err := k.Admit(list, end, func(r markers.Range) ([]markers.Record, error) { return s.Read(ctx, channel, k, r) })
	if err != nil {
		return false, err
	}
	keys := []string{streamKey(channel, k)}
	if k != k.Base() {
		keys = append(keys, key(channel, renditionLogs))
	}
	for part := range slices.Chunk(fresh, atOnce) {
		args := []any{string(k), end.String()}
		for _, r := range part {
			data, err := json.Marshal(r)
			if err != nil {
				return false, fmt.Errorf("append to channel %s: write %s %s as JSON: %w", channel, k, r.RecordID(), err)
			}
			end = r.RecordID()
			args = append(args, end.String(), data)
		}
		fits, err := s.addScript.Run(ctx, s.client, keys, args...).Bool()
		if err != nil || !fits {
			return false, s.failed(ctx, "append to", err)
		}
	}
	if late != nil {
		late = fmt.Errorf("append to channel %s: %w", channel, late)
	}
	return true, late
}

// Trim removes the records before the given ID, exactly. Redis continues to know the last ID.
func (s *Store) Trim(ctx context.Context, channel string, k markers.Kind, before markers.ID) error {
	if err := k.Check(); err != nil {
		return fmt.Errorf("trim records: %w", err)
	}
	return s.failed(ctx, "trim", s.client.XTrimMinID(ctx, streamKey(channel, k), before.String()).Err())
}
