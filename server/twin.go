package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/faults/pictures"
	"github.com/refstream/refstream/faults/playlists"
	"github.com/refstream/refstream/faults/requests"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/outputs"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/pipeline"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/stream"
)

// maxRequests is how many requests that met a fault a twin remembers: those of some minutes with many clients.
const maxRequests = 10_000

// twin is the faulty twin of a channel: it has the clean channel's units, and the faults of a scenario. It is a reader of the clean channel
// that may fall behind, so that the clean one never waits for it.
type twin struct {
	name   string
	file   scenarioFile
	source markers.Channel
	clock  markers.Clock
	plan   *scenario.Plan
	ledger *faults.Ledger
	store  markers.Store
	// answers has the faults of requests: those that end at the frame unanswered or later are not journalled yet.
	answers    *delivery.Faulty
	unanswered atomic.Int64
	feed       *stream.Feed[stream.Unit]
	hls        *packager.Writer
	hub        *outputs.Hub
	shown      *pictures.Pictures
	// overlay is nil where pictures stay as they are.
	overlay *pipeline.Overlay
	now     func() time.Time
	logger  *slog.Logger
	// newest is the last frame that was published, or dropped with its segment; -1 before there is one.
	newest atomic.Int64
	// changing is held while a slot begins, and while a fault is posted or ended: begun is the newest slot that has begun, -1 before the first.
	changing sync.Mutex
	begun    int64
	// resumed: the twin continues where an earlier run left off.
	resumed bool
	// slot is the newest one, units how many pictures of its first rendition were taken, and from the first since some were given up. cut:
	// units between were lost.
	slot, units, from int64
	cut               bool
	// changes and versions are what was done to units, and to the playlist with their segment: it counts once these are published.
	changes, versions []faults.Change
	failing           bool
}

// newTwin makes the twin of a channel with the scenario of a file, or the ready one of a name.
func (c *channel) newTwin(ctx context.Context, file string, e encoder.Options, now func() time.Time) (*twin, error) {
	info, cfg := c.info, &c.cfg
	watched := openScenario(file) // before it is read: it may change meanwhile
	f, err := catalogue.Load(file)
	if err != nil {
		return nil, fmt.Errorf("--scenario: %w", err)
	}
	plan, err := f.Plan(info)
	if err != nil {
		return nil, fmt.Errorf("--scenario: %w", err)
	}
	// Its folder is emptied of what it does not know below.
	name := f.Twin(info.Name)
	if err := c.taken(name); err != nil {
		return nil, fmt.Errorf("--scenario: %w", err)
	}
	if _, err := journal.ReadChannel(cfg.Data, name); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--scenario: %s holds a channel %s that is no twin: take another --data, or another name in the file", cfg.Data, name)
	}
	t := &twin{
		name: name, file: watched, source: info, clock: info.Clock(), plan: plan, ledger: faults.NewLedger(plan, info), store: c.stores.main(),
		feed: stream.New[stream.Unit](stream.Options{}), shown: pictures.New(plan, info.Clock()), now: now, logger: cfg.Logger, begun: -1, slot: -1,
	}
	if f.Pictures || f.Needs(scenario.LayerPicture) {
		shows, err := scenario.New(info)
		if err != nil {
			return nil, err
		}
		t.overlay = pipeline.NewOverlay(info, e, t.shown, func(n int64) bool { return t.event(shows, n) })
	}
	segments, err := t.resume(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the faults of %s: %w", name, err)
	}
	t.answers = &delivery.Faulty{Log: requests.New(plan, t.clock, maxRequests), Clock: t.clock, Newest: t.Newest}
	t.answers.Log.Forget(t.clock.FrameAt(now()) - info.Window*info.FramesPerSegment)
	var containers []packager.Container // a twin has MPEG-TS, where all faults are
	var dash *packager.DASH
	if cfg.DASH {
		if _, dash, err = cfg.published(t.name, info.Name); err != nil {
			return nil, err
		}
		containers = packager.WithDASH([]packager.Container{packager.TS})
	}
	keep := func(list *[]faults.Change) faults.Report {
		return func(info faults.Change) { *list = append(*list, info) }
	}
	t.hls, err = packager.New(packager.Options{
		Dir: cfg.hlsDir(t.name), Channel: info, Window: info.Window, Bitrate: peakBitrate(e, info.FramesPerSegment), Now: now, Segments: segments,
		Containers: containers, DASH: dash,
		Faults: catalogue.NewStream(plan, t.clock, keep(&t.changes)), FaultyPlaylist: faultyPlaylists(plan, t.clock, keep(&t.versions)),
	})
	if err != nil {
		return nil, fmt.Errorf("open playlist of %s: %w", t.name, err)
	}
	describe, err := flvOptions(info, e, cfg.Version) // no label in the stream
	if err != nil {
		return nil, err
	}
	named := info
	named.Name = t.name
	t.hub, err = outputs.New(outputs.Options{
		Channel: named, Now: time.Now, Logger: cfg.Logger, MaxClients: c.limits.consumers,
		Faults: func() ts.Faults { return catalogue.NewStream(plan, t.clock, nil) },
		FLV:    describe,
	})
	return t, err
}

// faultyPlaylists does the faults of playlists to that of every rendition. What is done to that of the first one is reported.
func faultyPlaylists(plan *scenario.Plan, clock markers.Clock, report faults.Report) func(name string, clean []byte, newest int64) []byte {
	all := map[string]*playlists.Rewriter{packager.MediaPlaylist: playlists.New(plan, clock, report)}
	return func(name string, clean []byte, newest int64) []byte {
		if all[name] == nil {
			all[name] = playlists.New(plan, clock, func(faults.Change) {})
		}
		return all[name].Playlist(clean, newest)
	}
}

// event reports whether the picture of a frame shows an event, as far as is known by now.
func (t *twin) event(shows *scenario.Scenario, n int64) bool {
	if _, ok := shows.At(n); ok {
		return true
	}
	happened, err := t.store.Markers(context.Background(), t.source.Name, markers.Range{To: markers.EndOfFrame(n), Limit: 1, Desc: true})
	return err == nil && len(happened) == 1 && n <= happened[0].LastFrame
}

// Write takes the next unit of the clean channel, and never waits.
func (t *twin) Write(u stream.Unit) error {
	t.feed.Append(stream.Chunk[stream.Unit]{Payload: u, Size: u.Size(), Time: u.DecodedAt(), Start: u.Key && leads(&u)})
	return nil
}

// leads reports whether a unit is of the first rendition of pictures, with whose key pictures segments begin.
func leads(u *stream.Unit) bool { return u.Track == nil || u.Track.Rendition == "" }

// endTime is how long the encoder of faulty pictures may take for its rest at a stop, which must be over in 5 s.
const endTime = time.Second

// Run publishes the twin until its feed is closed.
func (t *twin) Run(ctx context.Context) error {
	defer t.hub.Close()
	reader := t.feed.Join()
	for {
		c, err := reader.Next(ctx)
		switch {
		case errors.Is(err, stream.ErrBehind):
			t.logger.Warn("the faulty twin fell behind: it leaves segments out, and continues with a newer one", "channel", t.name)
			t.cut = true
			if t.overlay != nil {
				t.overlay.Drop()
			}
			reader = t.feed.Join()
			continue
		case errors.Is(err, io.EOF):
			return t.end(ctx)
		case err != nil:
			if t.overlay != nil {
				t.overlay.Drop()
			}
			return err
		}
		t.take(ctx, c.Payload)
	}
}

// take takes a unit of the clean channel.
func (t *twin) take(ctx context.Context, u stream.Unit) {
	if u.Key && leads(&u) {
		t.changing.Lock()
		t.begun = max(t.begun, t.clock.MSN(u.Frame))
		t.changing.Unlock()
		t.reload()
	}
	if t.overlay == nil {
		t.publish(u)
		return
	}
	if err := t.overlay.Write(ctx, u, t.publish); err != nil {
		t.cut = true
		t.logger.Error("faulty pictures fail: their segments are left out", "channel", t.name, "frame", u.Frame, "error", err)
	}
}

// end publishes what is left.
func (t *twin) end(ctx context.Context) error {
	if t.overlay != nil {
		ctx, cancel := context.WithTimeout(ctx, endTime)
		defer cancel()
		if err := t.overlay.Close(ctx, t.publish); err != nil {
			t.logger.Warn("the last faulty pictures are left out", "channel", t.name, "error", err)
		}
	}
	rec, err := t.hls.Close()
	t.settle(rec, err)
	t.settleAnswers(t.Newest() + 1)
	return err
}

// publish packs a unit for all carriers.
func (t *twin) publish(u stream.Unit) {
	msn := t.clock.UnitMSN(&u.Unit)
	if leads(&u) && msn != t.slot {
		// Without all units of the slot before, this one does not continue it.
		continues := t.slot >= 0 && !t.cut && !u.Begins && t.units == t.clock.FramesPerSegment
		if !continues {
			t.from, t.changes = msn, t.changes[:0]
		}
		if t.slot >= 0 && !continues {
			t.hls.Abandon()
		}
		if t.slot < 0 && !t.resumed { // the first run begins: what was over before is not known
			t.ledger.Forget(u.Frame)
		}
		if t.slot < 0 { // what was requested before is not known
			t.unanswered.Store(u.Frame)
		}
		t.slot, t.units, t.cut, t.versions = msn, 0, false, t.versions[:0]
		over := t.clock.FirstFrame(msn) - 1
		if continues && t.source.Audio {
			over -= t.clock.FramesPerSegment // the last sound of the slot before comes after this unit, and then it is published
		}
		t.newest.Store(max(t.newest.Load(), over))
	}
	if t.slot < 0 || msn < t.from {
		return // the rest of a slot that was given up
	}
	if leads(&u) {
		t.units++
	}
	if t.overlay != nil && leads(&u) {
		if _, f, ok := t.shown.Look(u.Frame); ok {
			t.changes = append(t.changes, faults.Change{Fault: f.Key(), Frame: u.Frame, Spoiled: u.Frame})
		}
	}
	rec, err := t.hls.Write(u)
	for _, lost := range packager.PublishErrors(err) {
		t.changes = slices.DeleteFunc(t.changes, func(c faults.Change) bool { return t.clock.MSN(c.Frame) == lost.MSN })
	}
	t.settle(rec, err)
	err = errors.Join(err, t.hub.Write(u))
	if err != nil && !t.failing {
		t.logger.Error("publish faulty twin", "channel", t.name, "error", err)
	}
	t.failing = err != nil
}

// checkPushes refuses a push of a channel that is not there, or whose carrier shows none of its faults, and warns where it lacks some.
func (c *channel) checkPushes() error {
	for _, p := range c.carriers.pushes {
		if p.channel == c.info.Name {
			continue
		}
		t := c.twinOf(p.channel)
		if t == nil {
			return fmt.Errorf("--push: there is no channel %q: name the twin of a --scenario, such as %s-NAME=tcp://127.0.0.1:4444", p.channel, c.info.Name)
		}
		carrier := scenario.RTMP
		if strings.HasPrefix(p.target.String(), "tcp:") {
			carrier = scenario.TS
		}
		hidden, all := t.plan.File.Hidden(carrier)
		if all && t.overlay == nil {
			return fmt.Errorf("--push: %s has no fault that %s shows (%s): see them in HLS, or push another twin", t.name, carrier, strings.Join(hidden, ", "))
		}
		if len(hidden) > 0 {
			c.cfg.Logger.Warn("a push does not show all faults of its channel", "channel", t.name, "push", p.target.String(), "hidden", strings.Join(hidden, ", "))
		}
	}
	return nil
}
