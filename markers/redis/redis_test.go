package redis_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/redis"
	"github.com/refstream/refstream/markers/storetest"
)

func open(t *testing.T, url string) *redis.Store {
	t.Helper()
	s, err := redis.Open(t.Context(), redis.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// client is a connection beside the store.
func client(t *testing.T, url string) *goredis.Client {
	t.Helper()
	o, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestConforms(t *testing.T) {
	server := storetest.StartRedis(t)
	raw := client(t, server.URL)
	storetest.Run(t, storetest.Options{
		Open: func(t *testing.T) markers.Store {
			if err := raw.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			return open(t, server.URL)
		},
		Reopen: func(t *testing.T, s markers.Store) markers.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			server.Kill()
			server.Start()
			return open(t, server.URL)
		},
	})
}

// TestLayout checks what other programs may rely on: the keys, the entry IDs and the field.
func TestLayout(t *testing.T) {
	server := storetest.StartRedis(t)
	s, raw := open(t, server.URL), client(t, server.URL)
	if err := s.PutChannel(t.Context(), storetest.Channel("main")); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), "main", markers.Batch{Markers: []markers.Marker{storetest.Marker(600)}}); err != nil {
		t.Fatal(err)
	}
	got, err := raw.XRange(t.Context(), "refstream:{main}:markers", "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].ID != "600-1" || len(got[0].Values) != 1 {
		t.Fatalf("stream holds %v, want one entry 600-1 with one field", got)
	}
	if text, _ := got[0].Values["json"].(string); !strings.HasPrefix(text, `{"id":"main-t600","channel":"main"`) {
		t.Fatalf("field json is %q", text)
	}
	if names := raw.SMembers(t.Context(), "refstream:channels").Val(); len(names) != 1 || names[0] != "main" {
		t.Fatalf("refstream:channels is %v", names)
	}
	if text := raw.Get(t.Context(), "refstream:{main}:channel").Val(); !strings.Contains(text, `"fps":"30000/1001"`) {
		t.Fatalf("refstream:{main}:channel is %q", text)
	}
	// The first rendition's segments have the key of the kind and say nothing of renditions, a further one's a key of their own.
	if err := s.Append(t.Context(), "main", storetest.Batch()); err != nil && !errors.Is(err, markers.ErrLate) {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"refstream:{main}:segments": `{"msn":0,"first_frame":0,`, "refstream:{main}:segments.hd": `{"msn":0,"rendition":"hd","first_frame":0,`,
	} {
		got, err := raw.XRange(t.Context(), key, "0-1", "0-1").Result()
		if err != nil || len(got) != 1 || !strings.HasPrefix(fmt.Sprint(got[0].Values["json"]), want) {
			t.Errorf("%s begins with %v, %v: want %s", key, got, err, want)
		}
	}
	logs := raw.SMembers(t.Context(), "refstream:{main}:logs").Val()
	if slices.Sort(logs); !slices.Equal(logs, []string{"faults.outage", "segments.hd"}) {
		t.Errorf("refstream:{main}:logs is %v", logs)
	}
	if err := s.Delete(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	if n := raw.DBSize(t.Context()).Val(); n != 0 {
		t.Fatalf("%d keys are left after Delete", n)
	}
}

// TestUnreadable has entries of others in the logs: they are left out, logged and counted once, and reported as long as
// they are there.
func TestUnreadable(t *testing.T) {
	server := storetest.StartRedis(t)
	raw := client(t, server.URL)
	for name, values := range map[string][]any{
		"half":        {"json", "{"},
		"no field":    {"other", "{}"},
		"another id":  {"json", `{"frame":7}`},
		"no number":   {"json", `{"frame":"5"}`},
		"a lie":       {"json", `{"frame":5,"last_frame":1000000000000,"text":"for ever"}`},
		"a lie about": {"json", `{"frame":5,"last_frame":3}`},
	} {
		t.Run(name, func(t *testing.T) {
			raw.FlushAll(t.Context())
			var log bytes.Buffer
			s, err := redis.Open(t.Context(), redis.Options{URL: server.URL, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			before, after := storetest.Trigger(4), storetest.Trigger(6)
			for _, add := range []func() error{
				func() error { return s.Append(t.Context(), "main", markers.Batch{Triggers: []markers.Trigger{before}}) },
				func() error {
					return raw.XAdd(t.Context(), &goredis.XAddArgs{Stream: "refstream:{main}:triggers", ID: "5-1", Values: values}).Err()
				},
				func() error { return s.Append(t.Context(), "main", markers.Batch{Triggers: []markers.Trigger{after}}) },
			} {
				if err := add(); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				got, err := s.Triggers(t.Context(), "main", markers.Range{Limit: 2})
				if err != nil || !slices.Equal(got, []markers.Trigger{before, after}) {
					t.Fatalf("triggers %+v, %v: want the two that can be read", got, err)
				}
			}
			if n := strings.Count(log.String(), "entry=5-1"); n != 1 {
				t.Errorf("%d log lines: %s", n, log.String())
			}
			if n := s.Unreadable(); n[markers.Triggers] != 1 || n[markers.Markers] != 0 {
				t.Errorf("unreadable %v", n)
			}
			err = s.Ready(t.Context())
			if err == nil || !strings.Contains(err.Error(), "entry 5-1 of refstream:{main}:triggers") || !strings.Contains(err.Error(), "XDEL") {
				t.Errorf("Ready: %v", err)
			}
			raw.XDel(t.Context(), "refstream:{main}:triggers", "5-1")
			if err := s.Ready(t.Context()); err != nil {
				t.Errorf("Ready without the entry: %v", err)
			}
		})
	}
}

func TestURL(t *testing.T) {
	const secret = "s3cr3t"
	for _, url := range []string{
		"", "localhost:6379", "http://:" + secret + "@host", "redis://", "redis://:" + secret + "#x@host:1/0",
		"redis://user:" + secret + "/x@host", "redis://:" + secret + "@host/nodb", "redis://:" + secret + "@host:port",
		"redis://:" + secret + "@host?nonsense=1", "redis://:" + secret + "%zz@host", "\x00" + secret,
	} {
		s, err := redis.New(redis.Options{URL: url})
		if err == nil {
			s.Close()
			t.Errorf("URL %q was taken", url)
		} else if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
			t.Errorf("URL %q: error %q shows the password or is not one line", url, err)
		}
	}
	for _, url := range []string{
		"redis://host", "rediss://user:pw@host:1/2", "unix:///run/redis.sock?db=1", "redis://[::1]:6379/0",
	} {
		s, err := redis.New(redis.Options{URL: url})
		if err != nil {
			t.Errorf("URL %q: %v", url, err)
			continue
		}
		s.Close()
	}
}

// TestAppendAfter adds to the end that the caller knows, and nowhere else.
func TestAppendAfter(t *testing.T) {
	server := storetest.StartRedis(t)
	s, raw := open(t, server.URL), client(t, server.URL)
	ctx := t.Context()
	id := func(n int64) markers.ID { return markers.ID{Frame: n, Sub: 1} }
	frames := func(from, to int64) markers.Batch { return markers.Batch{Frames: storetest.Frames(from, to)} }
	for i, step := range []struct {
		end    markers.ID
		batch  markers.Batch
		added  bool
		frames int64 // that are there then, from 0 on
	}{
		{id(3), frames(4, 6), false, 0}, // there is no log
		{markers.ID{}, frames(0, 1200), true, 1200},
		{markers.ID{}, frames(0, 1300), false, 1200},
		{id(1100), frames(1101, 1300), false, 1200},
		{id(1300), frames(1301, 1302), false, 1200},
		{id(1199), frames(1190, 1210), true, 1210}, // the first ones are there
	} {
		added, err := s.AppendAfter(ctx, "main", markers.Frames, step.end, step.batch)
		if err != nil || added != step.added {
			t.Fatalf("step %d: added %v, %v", i, added, err)
		}
		got, err := s.Frames(ctx, "main", markers.Range{})
		if err != nil || !slices.Equal(got, storetest.Frames(0, step.frames)) {
			t.Fatalf("step %d: %d frames there, %v; want %d", i, len(got), err, step.frames)
		}
	}
	other := storetest.Frame(8)
	other.Event = "another"
	added, err := s.AppendAfter(ctx, "main", markers.Frames, id(1209), markers.Batch{Frames: []markers.FrameRecord{storetest.Frame(7), other}})
	if !added || !errors.Is(err, markers.ErrLate) || !strings.Contains(err.Error(), "channel main: ") ||
		!strings.Contains(err.Error(), ": 1 of frames, the first for place 8-1: ") {
		t.Errorf("another frame 8: added %v, %v", added, err)
	}
	// A log that was trimmed to nothing keeps its end.
	if err := s.Trim(ctx, "main", markers.Frames, markers.AtFrame(5000)); err != nil {
		t.Fatal(err)
	}
	if added, err := s.AppendAfter(ctx, "main", markers.Frames, id(1209), frames(1210, 1211)); err != nil || !added {
		t.Errorf("after a trim: added %v, %v", added, err)
	}
	if _, err := s.AppendAfter(ctx, "main", markers.Markers, markers.ID{}, frames(0, 1)); err == nil {
		t.Error("frames were added to the markers")
	}
	if err := raw.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if added, err := s.AppendAfter(ctx, "main", markers.Frames, id(1210), frames(1211, 1212)); err != nil || added {
		t.Errorf("after the log was lost: added %v, %v", added, err)
	}
}
