// Package redis keeps channels and their records in Redis streams, for many processes at once. It needs Redis 6.2 or
// later (https://redis.io/docs/latest/develop/data-types/streams/).
//
// Each log of a channel is one stream, refstream:{CHANNEL}:KIND. The ID of an entry is the ID of its record; its one
// field, "json", is the record. Records are added by a script, which Redis runs as one step: only where the stream still ends
// as the writer has seen it, so that what is sent twice or too late (markers.ErrLate) is left out. Missing records alone may be late: one is put
// behind the newest, with its place in the record, as every detection is. The description of a channel is the JSON text at
// refstream:{CHANNEL}:channel, and the set refstream:channels holds the channels' names. Further renditions have streams of their own,
// refstream:{CHANNEL}:KIND.RENDITION, and their KIND.RENDITION is in the set refstream:{CHANNEL}:logs. The braces keep the keys of a channel
// on one slot of a cluster.
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/refstream/refstream/markers"
)

const (
	// dialTimeout and replyTimeout bound how long a call takes when Redis hangs. Its replies take well under a
	// millisecond; two seconds leave room for a server that loads or forks.
	dialTimeout  = time.Second
	replyTimeout = 2 * time.Second
	// maxFollowers is the number of logs that can be waited on at once, each by any number of callers: one connection each.
	maxFollowers = 1000
	// idleTimeout is how long connections may stay unused.
	idleTimeout = time.Minute

	channelsKey = "refstream:channels"
	// renditionLogs is the end of the key of a channel's set of the kinds of its further renditions' logs.
	renditionLogs = "logs"
	field         = "json"
)

// Options are the options of Open and New.
type Options struct {
	// URL is redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// for TLS, or unix:///PATH[?db=DATABASE].
	URL string
	// Logger gets a line for each entry that can't be read. Nil: nothing is logged.
	Logger *slog.Logger
}

// Store is markers.Store on Redis.
type Store struct {
	markers.Reader
	client   *redis.Client
	blocking *redis.Client // for the commands that wait, which would starve the others of connections
	addr     string        // for messages: without the password, and the folder of a socket
	log      *slog.Logger

	addScript *redis.Script
	appending sync.Mutex // held from looking for the end of a log to having added to it

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	group  sync.WaitGroup // the followers

	mu         sync.Mutex
	followers  map[string]*follower // by key
	unreadable map[markers.Kind]int64
	bad        []badEntry
	closed     bool
}

var _ markers.Store = (*Store)(nil)

// New makes a store without connecting to it: it may be away now and come later. The error states what is wrong with the
// URL, without showing it.
func New(o Options) (*Store, error) {
	opt, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	opt.DialTimeout, opt.PoolTimeout = dialTimeout, replyTimeout
	opt.ReadTimeout, opt.WriteTimeout = replyTimeout, replyTimeout
	opt.DialerRetries = 1 // the caller retries, and counts on an answer soon
	opt.MaxRetries = -1
	opt.ContextTimeoutEnabled = true
	opt.ConnMaxIdleTime = idleTimeout
	opt.PipelinePoolSize = -1
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	// The library writes every failed dial to the process's stderr, past any logger, for all clients at once: while Redis
	// is away that is all there is to read. The errors tell the same.
	redis.SetLogger(&logging.VoidLogger{})
	blocking := *opt
	blocking.PoolSize = maxFollowers
	addr := opt.Addr
	if opt.Network == "unix" {
		addr = filepath.Base(addr)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Store{
		client: redis.NewClient(opt), blocking: redis.NewClient(&blocking), addr: addr, log: o.Logger,
		addScript: redis.NewScript(addScript), ctx: ctx, cancel: cancel, followers: map[string]*follower{},
		unreadable: map[markers.Kind]int64{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.Reader = s.read
	return s, nil
}

// Open is New, and an error that wraps markers.ErrUnavailable when Redis does not answer.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	if err := s.Ready(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Ready reports why Redis does not answer, and which of the entries that were met can't be read and are still there.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return s.failed(ctx, "reach", err)
	}
	return s.badEntries(ctx)
}

// Close ends every Wait and waits for what the store started.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	err := s.blocking.Close() // cuts off the commands that wait
	s.group.Wait()
	if err = errors.Join(err, s.client.Close()); err != nil {
		return fmt.Errorf("close redis: %w", err)
	}
	return nil
}

// failed is the error of a command: the caller's context error when it ended, one that wraps markers.ErrUnavailable
// when Redis could not be reached or can't serve just now (then it wraps ErrRefused too), and what Redis said otherwise.
func (s *Store) failed(ctx context.Context, verb string, err error) error {
	switch {
	case err == nil:
		return nil
	case ended(ctx, err):
		return fmt.Errorf("%s redis at %s: %w", verb, s.addr, ctx.Err())
	case errors.Is(err, redis.ErrClosed) || s.ctx.Err() != nil:
		return fmt.Errorf("%s redis at %s: store is closed", verb, s.addr)
	}
	var reply redis.Error
	reason := err
	switch {
	case !errors.As(err, &reply):
		reason = s.refusal(err)
	case !temporary(err):
		return fmt.Errorf("%s redis at %s: %w", verb, s.addr, err)
	}
	if reason != nil {
		return fmt.Errorf("%w: %s redis at %s: %w: %w", markers.ErrUnavailable, verb, s.addr, ErrRefused, reason)
	}
	return fmt.Errorf("%w: %s redis at %s: %w: see that redis-server runs there", markers.ErrUnavailable, verb, s.addr, err)
}

// ended reports whether a command failed because its context did. The connection has the context's deadline too, and may
// meet it a moment before the context does.
func ended(ctx context.Context, err error) bool {
	var network net.Error
	if _, has := ctx.Deadline(); has && ctx.Err() == nil && errors.As(err, &network) && network.Timeout() {
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	return ctx.Err() != nil
}

// temporary reports whether a reply states that trying again later may help.
func temporary(err error) bool {
	return redis.IsLoadingError(err) || redis.IsReadOnlyError(err) || redis.IsClusterDownError(err) ||
		redis.IsTryAgainError(err) || redis.IsMasterDownError(err) || redis.IsMaxClientsError(err) ||
		redis.IsOOMError(err) || redis.IsNoReplicasError(err) || redis.HasErrorPrefix(err, "MISCONF") ||
		errors.Is(err, redis.ErrPoolTimeout)
}

func key(channel string, name string) string { return "refstream:{" + channel + "}:" + name }

func streamKey(channel string, k markers.Kind) string { return key(channel, string(k)) }

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
