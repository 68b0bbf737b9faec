package redis

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/refstream/refstream/markers"
)

// chunkSize is the number of records that are read in one round trip: few enough that other clients of a busy Redis do
// not notice.
const chunkSize = 1000

func (s *Store) read(ctx context.Context, channel string, k markers.Kind, r markers.Range) ([]markers.Record, error) {
	key := streamKey(channel, k)
	low, high := r.From.String(), "+"
	if r.To != (markers.ID{}) {
		high = r.To.String()
	}
	var out []markers.Record
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
			rec, err := decode(k, m)
			if err != nil {
				// One entry that can't be read must not hide all others.
				s.noteBad(k, badEntry{key, m.ID, err})
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

func decode(k markers.Kind, m redis.XMessage) (markers.Record, error) {
	text, ok := m.Values[field].(string)
	if !ok {
		return nil, fmt.Errorf("it has no field %q", field)
	}
	r, err := k.Decode([]byte(text))
	if err == nil && r.RecordID().String() != m.ID {
		err = fmt.Errorf("it holds record %s", r.RecordID())
	}
	return r, err
}

// Kinds lists the logs of a channel.
func (s *Store) Kinds(ctx context.Context, channel string) ([]markers.Kind, error) {
	names, err := s.client.SMembers(ctx, key(channel, renditionLogs)).Result()
	if err != nil {
		return nil, s.failed(ctx, "list logs in", err)
	}
	slices.Sort(names)
	out := markers.Kinds()
	for _, name := range names {
		if k := markers.Kind(name); k.Check() == nil && k != k.Base() {
			out = append(out, k)
		}
	}
	return out, nil
}

// Last is the ID of the newest record that ever was in a log.
func (s *Store) Last(ctx context.Context, channel string, k markers.Kind) (markers.ID, error) {
	if err := k.Check(); err != nil {
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
