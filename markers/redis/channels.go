package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/refstream/refstream/markers"
)

const channelName = "channel"

// PutChannel writes the description of a channel.
func (s *Store) PutChannel(ctx context.Context, c markers.Channel) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("put channel: %w", err)
	}
	c.Epoch = c.Epoch.Round(0).UTC()
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("put channel %s: %w", c.Name, err)
	}
	// No transaction: on a cluster the keys are on different nodes. A name without a description is not listed.
	pipe := s.client.Pipeline()
	pipe.Set(ctx, key(c.Name, channelName), data, 0)
	pipe.SAdd(ctx, channelsKey, c.Name)
	_, err = pipe.Exec(ctx)
	return s.failed(ctx, "put channel in", err)
}

// Channel reads the description of a channel.
func (s *Store) Channel(ctx context.Context, name string) (markers.Channel, error) {
	var c markers.Channel
	data, err := s.client.Get(ctx, key(name, channelName)).Bytes()
	if errors.Is(err, redis.Nil) {
		return c, fmt.Errorf("channel %q %w", name, markers.ErrNotFound)
	}
	if err != nil {
		return c, s.failed(ctx, "read channel from", err)
	}
	err = json.Unmarshal(data, &c)
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		return c, fmt.Errorf("read channel at %s: %w: delete the key, the generator writes it again",
			key(name, channelName), err)
	}
	return c, nil
}

// Channels lists the channels that were put.
func (s *Store) Channels(ctx context.Context) ([]markers.Channel, error) {
	names, err := s.client.SMembers(ctx, channelsKey).Result()
	if err != nil {
		return nil, s.failed(ctx, "list channels in", err)
	}
	slices.Sort(names)
	var out []markers.Channel
	for _, name := range names {
		c, err := s.Channel(ctx, name)
		if errors.Is(err, markers.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// Delete removes a channel and all of its records, so that another stream can take its name.
func (s *Store) Delete(ctx context.Context, name string) error {
	kinds, err := s.Kinds(ctx, name)
	if err != nil {
		return err
	}
	keys := []string{key(name, channelName), key(name, renditionLogs)}
	for _, k := range kinds {
		keys = append(keys, streamKey(name, k))
	}
	pipe := s.client.Pipeline()
	pipe.Del(ctx, keys...)
	pipe.SRem(ctx, channelsKey, name)
	_, err = pipe.Exec(ctx)
	return s.failed(ctx, "delete channel from", err)
}
