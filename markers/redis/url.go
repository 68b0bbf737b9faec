package redis

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/redis/go-redis/v9"
)

// parseURL reads a Redis URL. Its errors show nothing of the URL: where it can't be read nobody knows which part of it
// is the password.
func parseURL(s string) (*redis.Options, error) {
	const form = "write redis://[[user]:password@]host[:port][/database], with %23 for # and the like in a password"
	if s == "" {
		return nil, errors.New("redis URL is empty: " + form)
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("redis URL can't be read: " + form)
	}
	if u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix" {
		return nil, errors.New("redis URL has to begin with redis://, rediss:// or unix://: " + form)
	}
	if u.Scheme != "unix" && u.Hostname() == "" {
		return nil, errors.New("redis URL names no host: " + form)
	}
	opt, err := redis.ParseURL(s)
	if err != nil {
		return nil, fmt.Errorf("redis URL has a part that is not understood (database and options come last): %s", form)
	}
	return opt, nil
}
