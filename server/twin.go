package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/faults/playlists"
	"github.com/refstream/refstream/faults/requests"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/outputs"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/stream"
)

// twin is the faulty twin of a channel: it has the clean channel's units, and the faults of a scenario behind the encoder. It is a
// reader of the clean channel that may fall behind, so that the clean one never waits for it.
type twin struct {
	name   string
	clock  markers.Clock
	window int64 // frames
	ledger *faults.Ledger
	// answers has the faults of requests.
	answers *delivery.Faulty
	feed   *stream.Feed[stream.Unit]
	hls    *packager.Writer
	hub    *outputs.Hub
	logger *slog.Logger
	// newest is the last frame that was published, or dropped with its segment; -1 before there is one.
	newest atomic.Int64
	// slot is the open one, units how many of it were taken.
	slot, units int64
	// changes and versions are what was done to these units, and to the playlist with their segment: it counts once these are published.
	changes, versions []faults.Change
	failing           bool
}

// newTwin makes the twin of a channel with the scenario of a file, or the ready one of a name.
func (s *Server) newTwin(file string, e encoder.Options, now func() time.Time) (*twin, error) {
	c := s.channel
	f, err := catalogue.Load(file)
	if err != nil {
		return nil, fmt.Errorf("--scenario: %w", err)
	}
	plan, err := f.Plan(c)
	if err != nil {
		return nil, fmt.Errorf("--scenario: %w", err)
	}
	if f.Needs(scenario.LayerPicture) {
		return nil, fmt.Errorf("--scenario: %s has faults of pictures, and a live twin has only those behind the encoder: leave them out, or use "+
			"refstream generate --scenario", file)
	}
	// Its folder is emptied below.
	name := f.Twin(c.Name)
	if s.twinOf(name) != nil {
		return nil, fmt.Errorf("--scenario: there are two named %s: give each a name of its own", name)
	}
	if _, err := journal.ReadChannel(s.cfg.Data, name); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--scenario: %s holds a channel %s that is no twin: take another --data, or another name in the file", s.cfg.Data, name)
	}
	t := &twin{
		name: name, clock: c.Clock(), window: c.Window * c.FramesPerSegment, ledger: faults.NewLedger(plan, c),
		feed: stream.New[stream.Unit](stream.Options{}), logger: s.cfg.Logger, slot: -1,
	}
	t.answers = &delivery.Faulty{Log: requests.New(plan, t.clock), Clock: t.clock, Newest: t.Newest}
	keep := func(list *[]faults.Change) faults.Report { return func(c faults.Change) { *list = append(*list, c) } }
	t.newest.Store(-1)
	t.forget(t.clock.FrameAt(now()))
	t.hls, err = packager.New(packager.Options{
		Dir: s.cfg.hlsDir(t.name), Channel: c, Window: c.Window, Bitrate: e.PeakBitrate(c.FramesPerSegment), Now: now,
		Faults: catalogue.NewStream(plan, t.clock, keep(&t.changes)), FaultyPlaylist: playlists.New(plan, t.clock, keep(&t.versions)).Playlist,
	})
	if err != nil {
		return nil, fmt.Errorf("open playlist of %s: %w", t.name, err)
	}
	named := c
	named.Name = t.name
	t.hub, err = outputs.New(outputs.Options{
		Channel: named, Now: time.Now, Logger: s.cfg.Logger, MaxClients: s.cfg.clientLimits().consumers,
		Faults: func() ts.Faults { return catalogue.NewStream(plan, t.clock, nil) },
		FLV:    flv.Options{Rate: c.Rate, Encoder: e.Encoder, Version: "refstream " + s.cfg.Version, Channel: c.Name}, // no label in the stream
	})
	return t, err
}

// Write takes the next unit of the clean channel, and never waits.
func (t *twin) Write(u stream.Unit) error {
	t.feed.Append(stream.Chunk[stream.Unit]{Payload: u, Size: u.Size(), Time: u.DTS, Start: u.Key})
	return nil
}

// Run publishes the twin until its feed is closed.
func (t *twin) Run(ctx context.Context) error {
	defer t.hub.Close()
	reader := t.feed.Join()
	for {
		c, err := reader.Next(ctx)
		switch {
		case errors.Is(err, stream.ErrBehind):
			t.logger.Warn("the faulty twin fell behind: it continues with a newer GOP", "channel", t.name)
			reader = t.feed.Join()
			continue
		case errors.Is(err, io.EOF):
			rec, err := t.hls.Close()
			t.settle(rec, err)
			return err
		case err != nil:
			return err
		}
		t.publish(c.Payload)
	}
}

// publish packs a unit for all carriers.
func (t *twin) publish(u stream.Unit) {
	msn := t.clock.MSN(u.Frame)
	if msn != t.slot {
		// Without all units of the slot before, this one does not continue it.
		if t.slot >= 0 && (t.units != t.clock.FramesPerSegment || msn != t.slot+1) {
			t.hls.Abandon()
		}
		if t.slot < 0 { // the run begins: what was over before is not known
			t.forget(u.Frame)
		}
		t.forget(u.Frame - t.window)
		t.slot, t.units, t.changes, t.versions = msn, 0, t.changes[:0], t.versions[:0]
		t.newest.Store(max(t.newest.Load(), t.clock.FirstFrame(msn)-1))
	}
	t.units++
	rec, err := t.hls.Write(u)
	t.settle(rec, err)
	err = errors.Join(err, t.hub.Write(u))
	if err != nil && !t.failing {
		t.logger.Error("publish faulty twin", "channel", t.name, "error", err)
	}
	t.failing = err != nil
}

// settle reports the changes of a segment, which was published if there is a record. err is that of the packager.
func (t *twin) settle(rec *markers.SegmentRecord, err error) {
	if rec == nil {
		return
	}
	if !errors.Is(err, packager.ErrPlaylist) {
		t.changes = append(t.changes, t.versions...)
	}
	for _, c := range t.changes {
		t.ledger.Report(c)
	}
	t.changes, t.versions = t.changes[:0], t.versions[:0]
	t.newest.Store(rec.LastFrame)
}

// Clock is that of the clean channel.
func (t *twin) Clock() markers.Clock { return t.clock }

// Newest is the last frame that was published, or dropped with its segment; -1 before the first.
func (t *twin) Newest() int64 { return t.newest.Load() }

// Faults are the records of those of frames first to last, as far as they have got. Those that were over before this run, or
// before the window, are left out: what became of them is not known any more.
func (t *twin) Faults(first, last int64) []markers.FaultRecord {
	newest := t.Newest()
	list := t.ledger.Records(first, last, newest)
	t.answers.Log.Fill(list, "", newest)
	return list
}

// forget drops what is known of faults that are over before a frame.
func (t *twin) forget(before int64) {
	t.ledger.Forget(before)
	t.answers.Log.Forget(before)
}

// requestFaults has the faults of requests of a twin, nil for other channels.
func (s *Server) requestFaults(name string) *delivery.Faulty {
	if t := s.twinOf(name); t != nil {
		return t.answers
	}
	return nil
}

// twinOf finds a twin by its name, nil where there is none.
func (s *Server) twinOf(name string) *twin {
	for _, t := range s.twins {
		if t.name == name {
			return t
		}
	}
	return nil
}

// liveStream finds the endless stream of the channel or of a twin.
func (s *Server) liveStream(name, format string) http.Handler {
	if t := s.twinOf(name); t != nil {
		if format == "ts" {
			return t.hub.TS()
		}
		return t.hub.FLV()
	}
	return s.carriers.handler(s.channel.Name)(name, format)
}

// faultsOf is the log of a twin's faults, nil where there is no such twin.
func (s *Server) faultsOf(name string) api.FaultLog {
	if t := s.twinOf(name); t != nil {
		return t
	}
	return nil
}
