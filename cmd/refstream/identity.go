package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
)

// newGenerator draws the id of a data directory: 64 random bits, so that no two in the world are the same.
func newGenerator() (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("draw the id of the generator: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// generatorOf is the id of the generator whose segments a data directory holds, empty where it has none, or can't be read:
// then nobody knows.
func generatorOf(data, channel string, logger *slog.Logger) string {
	c, err := journal.ReadChannel(data, channel)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		logger.Warn("it can't be told whose segments the data directory has", "channel", channel, "error", err)
	}
	return c.Generator
}

// trait is one property that a channel keeps from start to start.
type trait struct {
	flag string
	// value is the trait as its flag takes it, empty where it is not known.
	value func(c markers.Channel) string
	// set makes the flags ask for the value.
	set func(s *serveFlags, value string)
	// free: another value may be given at a later start. Of the others, frame numbers, media sequence numbers, events and boxes
	// that were written depend.
	free bool
}

func traits() []trait {
	length := func(frames func(markers.Channel) int64) func(markers.Channel) string {
		return func(c markers.Channel) string { return time.Duration(c.Rate.Nanos(frames(c))).String() }
	}
	duration := func(field func(*serveFlags) *time.Duration) func(*serveFlags, string) {
		return func(s *serveFlags, value string) { *field(s), _ = time.ParseDuration(value) }
	}
	pixels := func(flag string, value func(*markers.Channel) *int, field func(*serveFlags) *int) trait {
		return trait{flag, func(c markers.Channel) string { return strconv.Itoa(*value(&c)) },
			func(s *serveFlags, v string) { *field(s), _ = strconv.Atoi(v) }, false}
	}
	return []trait{
		{"fps", func(c markers.Channel) string { return c.Rate.String() }, func(s *serveFlags, v string) { s.fps = v }, false},
		{"size", func(c markers.Channel) string { return fmt.Sprintf("%dx%d", c.Width, c.Height) },
			func(s *serveFlags, v string) { s.size = v }, false},
		{"seed", func(c markers.Channel) string { return strconv.FormatUint(c.Seed, 10) },
			func(s *serveFlags, v string) { s.seed = v }, false},
		{"epoch", func(c markers.Channel) string { return c.Epoch.UTC().Format(time.RFC3339Nano) },
			func(s *serveFlags, v string) { s.epoch = v }, false},
		{"drop-frame", func(c markers.Channel) string { return strconv.FormatBool(c.DropFrame) },
			func(s *serveFlags, v string) { s.dropFrame = v == "true" }, false},
		{"segment", length(func(c markers.Channel) int64 { return c.FramesPerSegment }),
			duration(func(s *serveFlags) *time.Duration { return &s.segment }), false},
		{"event-every", length(func(c markers.Channel) int64 { return c.EventEvery }),
			duration(func(s *serveFlags) *time.Duration { return &s.eventEvery }), false},
		{"event-length", length(func(c markers.Channel) int64 { return c.EventLength }),
			duration(func(s *serveFlags) *time.Duration { return &s.eventLength }), false},
		pixels("noise", func(c *markers.Channel) *int { return &c.Noise }, func(s *serveFlags) *int { return &s.noise }),
		pixels("block", func(c *markers.Channel) *int { return &c.Block }, func(s *serveFlags) *int { return &s.block }),
		pixels("roll", func(c *markers.Channel) *int { return &c.Roll }, func(s *serveFlags) *int { return &s.roll }),
		{"window", func(c markers.Channel) string {
			return (time.Duration(c.Window) * time.Duration(c.Rate.Nanos(c.FramesPerSegment))).String()
		}, duration(func(s *serveFlags) *time.Duration { return &s.window }), true},
		{"bitrate", func(c markers.Channel) string { return ifKnown(c.Bitrate, strconv.FormatInt(c.Bitrate, 10)) },
			func(s *serveFlags, v string) { s.bitrate = v }, true},
		{"keep-markers", func(c markers.Channel) string {
			return ifKnown(int64(c.KeepMarkers), time.Duration(c.KeepMarkers).String())
		}, duration(func(s *serveFlags) *time.Duration { return &s.keepMarkers }), true},
	}
}

// ifKnown is text, empty where n is 0: an earlier version did not note it.
func ifKnown(n int64, text string) string {
	if n == 0 {
		return ""
	}
	return text
}

// adopt takes the traits of the stored channel over into the flags that nobody gave. An epoch of now and a random seed
// ask for nothing in particular.
func (s *serveFlags) adopt(old markers.Channel, given func(flag string) bool) {
	for _, t := range traits() {
		open := t.flag == "epoch" && s.epoch == "now" || t.flag == "seed" && s.seed == "random"
		if value := t.value(old); value != "" && (open || !given(t.flag)) {
			t.set(s, value)
		}
	}
}

// differs is an error when c can't go on where the stored channel left off. place names where that is stored.
func differs(c, old markers.Channel, place string) error {
	var was, flags []string
	for _, t := range traits() {
		if a, b := t.value(c), t.value(old); a != b && !t.free {
			was = append(was, fmt.Sprintf("%s %s, not %s", t.flag, b, a))
			flags = append(flags, fmt.Sprintf("--%s=%s", t.flag, b))
		}
	}
	if was == nil {
		return nil
	}
	return fmt.Errorf("%s holds channel %s with %s: go on with %s, take another --data or --channel, or empty it with --reset",
		place, c.Name, strings.Join(was, ", "), strings.Join(flags, " "))
}
