package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/pause"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/outputs"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/pipeline"
	"github.com/refstream/refstream/static"
)

// encoderStall is how long ffmpeg may take frames without giving any back before it is taken for hung: longer than any
// lookahead at a tenth of real time.
const encoderStall = 15 * time.Second

// peakBitrate is the bit rate that segments of so many frames are expected to have at the most; 0 where that is what they turn out to have.
func peakBitrate(o encoder.Options, frames int64) int64 {
	if o.Constant {
		return 0
	}
	return o.PeakBitrate(frames)
}

// generate makes the generator's half.
func (c *channel) generate(ctx context.Context) (*pipeline.Live, error) {
	info, store, logger := c.info, c.stores.main(), c.cfg.Logger
	options := c.encoding()
	options.Stall, options.Bounded = encoderStall, true
	if err := CheckEncoders(info, options); err != nil { // the data directory may have brought another size or rate
		return nil, err
	}
	segments, err := store.Segments(ctx, info.Name, markers.Range{})
	if err != nil {
		return nil, fmt.Errorf("read segments: %w", err)
	}
	events, err := store.Markers(ctx, info.Name, markers.Range{})
	if err != nil {
		return nil, fmt.Errorf("read markers: %w", err)
	}
	lost, err := c.withdrawLost(ctx, store)
	if err != nil {
		return nil, err
	}
	pacer, err := generator.NewPacer(info.Epoch, info.Rate, time.Now, pause.For)
	if err != nil {
		return nil, err
	}
	containers, dash, err := c.cfg.published(info.Name, info.Name)
	if err != nil {
		return nil, fmt.Errorf("--container: %w", err)
	}
	playlist, err := packager.New(packager.Options{Dir: c.cfg.hlsDir(info.Name), Channel: info, Window: info.Window, Containers: containers, DASH: dash,
		Bitrate:  peakBitrate(options, info.FramesPerSegment),
		Segments: segments, Markers: events, Now: pacer.Now})
	if err != nil {
		return nil, fmt.Errorf("open playlist: %w", err)
	}
	if err := c.carriers.makeHub(info, options, c.limits); err != nil {
		return nil, err
	}
	c.registry.MustRegister(newCarrierMetrics(info.Name, c.carriers.status))
	live := &pipeline.Live{
		Channel: pipeline.Channel{
			Info: info, HLS: playlist, Store: store, Logger: logger, Metrics: pipeline.NewMetrics(c.registry, info.Name), Now: time.Now,
		},
		Records: store, Pacer: pacer, KeepMarkers: c.cfg.KeepMarkers, Lost: lost,
	}
	live.Encode(options)
	live.Outputs = append(live.Outputs, c.carriers.hub)
	for _, file := range c.cfg.Scenarios {
		t, err := c.newTwin(ctx, file, options, pacer.Now)
		if err != nil {
			return nil, err
		}
		c.twins = append(c.twins, t)
		live.Outputs = append(live.Outputs, t)
		c.registry.MustRegister(newCarrierMetrics(t.name, func() []outputs.Status { return distinct(t.hub.Status()) }))
	}
	if err := c.checkPushes(); err != nil {
		return nil, err
	}
	if c.reached != nil {
		live.Reached = c.reached
	}
	return live, nil
}

// withdrawLost finds what is gone of earlier runs' segments, and removes the files that the ledger can't speak for any more:
// the playlist shows gaps in their place. It returns the frames that are lost with them.
func (c *channel) withdrawLost(ctx context.Context, store markers.Store) ([]markers.MissingRecord, error) {
	info := c.info
	dir := c.cfg.hlsDir(info.Name)
	lost, withdrawn, err := pipeline.Audit(ctx, store, info, func(seg markers.SegmentRecord) bool {
		return slices.ContainsFunc(seg.Containers(), func(files []markers.SegmentFile) bool { // one is enough
			return !slices.ContainsFunc(files, func(f markers.SegmentFile) bool {
				info, err := os.Stat(filepath.Join(dir, f.URI))
				return err != nil || info.Size() != f.Bytes
			})
		})
	})
	if err != nil {
		return nil, err
	}
	for _, l := range lost {
		c.cfg.Logger.Warn("frames of an earlier run are lost: there is a gap in their place", "channel", info.Name, "first", l.Frame,
			"last", l.LastFrame, "detail", l.Detail)
	}
	for _, seg := range withdrawn {
		for _, f := range seg.Files() {
			if err := os.Remove(filepath.Join(dir, f.URI)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("withdraw segment %d: %w", seg.MSN, err)
			}
		}
	}
	return lost, nil
}

// newAPI makes the API with the page.
func (s *Server) newAPI() (*api.Server, error) {
	config := api.Config{
		Store: s.stores.main(), HLSDir: s.cfg.hlsDir, Page: static.Handler(), Token: s.cfg.Token, CORSOrigins: s.cfg.CORSOrigins, Now: time.Now,
		Gatherer: s.registry, Registerer: s.registry, Version: s.cfg.Version, Logger: s.cfg.Logger,
		MaxConnections: s.limits.connections, StreamClients: s.limits.eventStreams, Faults: s.faultsOf,
	}
	if s.cfg.Role == API {
		config.Generator = func(channel string) string { return generatorOf(s.cfg.Data, channel, s.cfg.Logger) }
	} else {
		config.Stream = func(name string) (api.Position, bool) {
			c, t := s.channels.find(name)
			if c == nil || t != nil {
				return api.Position{}, false
			}
			return api.Position(c.live.Position()), true
		}
		config.Ready, config.Live, config.Outputs, config.RequestFaults = s.ready, s.liveStream, s.outputs, s.requestFaults
	}
	if s.cfg.Role == Generator {
		config.Page = nil
	}
	return api.New(config)
}
