package redis_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/redis"
	"github.com/refstream/refstream/markers/storetest"
)

func TestOpenAway(t *testing.T) {
	server := storetest.StartRedis(t)
	server.Kill()
	url := strings.Replace(server.URL, "redis://", "redis://user:s3cr3t@", 1)
	_, err := redis.Open(t.Context(), redis.Options{URL: url})
	if !errors.Is(err, markers.ErrUnavailable) || strings.Contains(err.Error(), "s3cr3t") ||
		!strings.Contains(err.Error(), "127.0.0.1:") {
		t.Fatalf("open a store that is away: %v", err)
	}
	s, err := redis.New(redis.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Wait(t.Context(), "main", markers.Frames, markers.ID{}); !errors.Is(err, markers.ErrUnavailable) {
		t.Fatalf("wait on a store that is away: %v", err)
	}
	server.Start()
	if err := s.Append(t.Context(), "main", markers.Batch{Frames: storetest.Frames(0, 1)}); err != nil {
		t.Fatalf("append when it is there: %v", err)
	}
}

// everyCall lists calls that need the server.
func everyCall(s *redis.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Ready": s.Ready,
		"Append": func(ctx context.Context) error {
			return s.Append(ctx, "main", markers.Batch{Frames: storetest.Frames(5, 9)})
		},
		"Frames":  func(ctx context.Context) error { _, err := s.Frames(ctx, "main", markers.Range{}); return err },
		"Last":    func(ctx context.Context) error { _, err := s.Last(ctx, "main", markers.Frames); return err },
		"Trim":    func(ctx context.Context) error { return s.Trim(ctx, "main", markers.Frames, markers.AtFrame(1)) },
		"Channel": func(ctx context.Context) error { _, err := s.Channel(ctx, "main"); return err },
		"Put":     func(ctx context.Context) error { return s.PutChannel(ctx, storetest.Channel("main")) },
		"List":    func(ctx context.Context) error { _, err := s.Channels(ctx); return err },
		"Wait":    func(ctx context.Context) error { return s.Wait(ctx, "main", markers.Markers, markers.MaxID) },
	}
}

// TestHungServer has the server stop answering: every call says so soon, also those that wait, and all is well after.
func TestHungServer(t *testing.T) {
	server := storetest.StartRedis(t)
	s := open(t, server.URL)
	waiting := make(chan error, 1)
	go func() { waiting <- s.Wait(t.Context(), "other", markers.Frames, markers.ID{}) }()
	server.Hang()
	began := time.Now()
	var group sync.WaitGroup
	for name, call := range everyCall(s) {
		group.Go(func() {
			if err := call(t.Context()); !errors.Is(err, markers.ErrUnavailable) {
				t.Errorf("%s on a hung server: %v", name, err)
			}
		})
	}
	group.Wait()
	if err := <-waiting; !errors.Is(err, markers.ErrUnavailable) {
		t.Errorf("a wait that had begun: %v", err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v to find that the server hangs", took)
	}
	// The caller's own end comes first.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, markers.ErrUnavailable) {
		t.Errorf("a call whose context ended: %v", err)
	}
	server.Continue()
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("the server goes on: %v", err)
	}
}

// TestKilledServer kills the server under writers; what an Append reported is there after the restart, once, in order.
func TestKilledServer(t *testing.T) {
	server := storetest.StartRedis(t)
	s := open(t, server.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	const n = 400
	reached := make(chan struct{}, n)
	result := make(chan error, 1)
	go func() {
		for f := int64(0); f < n; {
			err := s.Append(ctx, "main", markers.Batch{Frames: storetest.Frames(f, f+1)})
			if err != nil && !errors.Is(err, markers.ErrUnavailable) {
				result <- err
				return
			}
			if err == nil {
				f++
				reached <- struct{}{}
			}
		}
		result <- nil
	}()
	for range 3 {
		for range 100 {
			select {
			case <-reached:
			case err := <-result:
				t.Fatalf("append: %v", err)
			}
		}
		server.Kill()
		server.Start()
	}
	if err := <-result; err != nil {
		t.Fatalf("append: %v", err)
	}
	recs, err := s.Frames(ctx, "main", markers.Range{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range recs {
		if r != storetest.Frame(int64(i)) {
			t.Fatalf("record %d is of frame %d", i, r.Frame)
		}
	}
	if len(recs) != n {
		t.Fatalf("%d records, want %d", len(recs), n)
	}
}

// TestManyWaiters has more waiters than a pool has connections, on every kind, and other calls beside them.
func TestManyWaiters(t *testing.T) {
	server := storetest.StartRedis(t)
	s, raw := open(t, server.URL), client(t, server.URL)
	var group sync.WaitGroup
	for _, k := range markers.Kinds() {
		for range 200 {
			group.Go(func() {
				if err := s.Wait(t.Context(), "main", k, markers.ID{}); err != nil {
					t.Errorf("wait for %s: %v", k, err)
				}
			})
		}
	}
	if _, err := s.Frames(t.Context(), "main", markers.Range{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), "main", storetest.Batch()); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	clients, err := raw.ClientList(t.Context()).Result()
	if n := strings.Count(clients, "\n"); err != nil || n > 200 {
		t.Fatalf("%d connections for 1200 waiters (%v)", n, err)
	}
}

// TestFlushedServer has the stream begin anew under a follower.
func TestFlushedServer(t *testing.T) {
	server := storetest.StartRedis(t)
	s, raw := open(t, server.URL), client(t, server.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := s.Append(ctx, "main", markers.Batch{Frames: storetest.Frames(100, 101)}); err != nil {
		t.Fatal(err)
	}
	early := make(chan error, 1)
	late := make(chan error, 1)
	go func() { late <- s.Wait(ctx, "main", markers.Frames, markers.AtFrame(200)) }()
	raw.FlushAll(ctx)
	go func() { early <- s.Wait(ctx, "main", markers.Frames, markers.AtFrame(2)) }()
	if err := s.Append(ctx, "main", markers.Batch{Frames: storetest.Frames(5, 6)}); err != nil {
		t.Fatal(err)
	}
	if err := <-early; err != nil {
		t.Fatalf("wait for what comes after the stream began anew: %v", err)
	}
	if err := s.Append(ctx, "main", markers.Batch{Frames: storetest.Frames(201, 202)}); err != nil {
		t.Fatal(err)
	}
	if err := <-late; err != nil {
		t.Fatalf("wait for a later one: %v", err)
	}
}
