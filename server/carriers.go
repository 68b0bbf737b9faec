package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/outputs"
)

// carryTime is when, after a stop was asked for, the live outputs must have handed over what is left: a relay's ffmpeg
// writes the end of its files. They get leastCarryTime even where the encoder took long to end. It leaves room in the 5 s in
// which a stop must be over.
const (
	carryTime      = 3 * time.Second
	leastCarryTime = 500 * time.Millisecond
)

// carriers are the live outputs of one channel: what was asked for, and how to run it.
type carriers struct {
	pushes   []push
	relays   []outputs.RelaySpec
	ts, rtmp net.Listener
	hub      *outputs.Hub
	version  string
	logger   *slog.Logger
	stopping context.CancelFunc
	ended    chan struct{}
}

// push is where a channel goes.
type push struct {
	channel string // the clean one, or a faulty twin
	target  outputs.Target
}

// parsePush reads TWIN=ADDRESS, or the ADDRESS of a push of the clean channel.
func parsePush(text, clean string) (p push, err error) {
	p.channel = clean
	if name, address, ok := strings.Cut(text, "="); ok && !strings.Contains(name, "://") {
		p.channel, text = name, address
	}
	p.target, err = outputs.ParsePush(text)
	return p, err
}

// open reads what was asked for and takes the addresses. Errors name the flag.
func (o Outputs) open(c markers.Channel, version string, logger *slog.Logger) (*carriers, error) {
	k := &carriers{version: version, logger: logger}
	for _, text := range o.Push {
		p, err := parsePush(text, c.Name)
		if err != nil {
			return nil, fmt.Errorf("--push: %w", err)
		}
		k.pushes = append(k.pushes, p)
	}
	for _, text := range o.Relay {
		spec, err := outputs.ParseRelay(text)
		if err != nil {
			return nil, fmt.Errorf("--relay: %w", err)
		}
		k.relays = append(k.relays, spec)
	}
	for _, l := range []struct {
		flag, addr string
		to         *net.Listener
	}{{"--listen-ts", o.ListenTS, &k.ts}, {"--rtmp", o.RTMP, &k.rtmp}} {
		if l.addr == "" {
			continue
		}
		var err error
		if *l.to, err = net.Listen("tcp", l.addr); err != nil {
			k.close()
			return nil, fmt.Errorf("%s: %w: name a free address such as 127.0.0.1:4445", l.flag, err)
		}
	}
	return k, nil
}

// close gives the addresses back.
func (k *carriers) close() {
	for _, l := range []net.Listener{k.ts, k.rtmp} {
		if l != nil {
			l.Close()
		}
	}
}

// makeHub makes what the channel's units go into.
func (k *carriers) makeHub(c markers.Channel, e encoder.Options, limits clientLimits) (err error) {
	describe, err := flvOptions(c, e, k.version)
	if err != nil {
		return err
	}
	k.hub, err = outputs.New(outputs.Options{
		Channel: c, FFmpeg: e.FFmpeg, Now: time.Now, Logger: k.logger, MaxClients: limits.consumers, FLV: describe,
	})
	return err
}

// flvOptions describes a channel in FLV.
func flvOptions(c markers.Channel, e encoder.Options, version string) (o flv.Options, err error) {
	o = flv.Options{Rate: c.Rate, Encoder: e.Encoder, Version: "refstream " + version, Channel: c.Name}
	if c.Audio {
		o.Sound, err = encoder.SoundTrack(markers.SoundRendition)
	}
	return o, err
}

// start runs every output that was asked for. They go on until end is called.
func (k *carriers) start(c markers.Channel, twins []*twin) {
	ctx, cancel := context.WithCancel(context.Background())
	k.stopping, k.ended = cancel, make(chan struct{})
	var running sync.WaitGroup
	run := func(what string, f func(context.Context) error) {
		running.Go(func() {
			if err := f(ctx); err != nil && !errors.Is(err, context.Canceled) {
				k.logger.Error("an output ended", "output", what, "error", err)
			}
		})
	}
	hubs := map[string]*outputs.Hub{}
	var faulty []*outputs.Hub
	for _, t := range twins {
		hubs[t.name], faulty = t.hub, append(faulty, t.hub)
	}
	hubs[c.Name] = k.hub
	for _, p := range k.pushes {
		run("push", func(ctx context.Context) error { return hubs[p.channel].PushTo(ctx, p.target) })
	}
	for _, r := range k.relays {
		run("relay", func(ctx context.Context) error { return k.hub.Relay(ctx, r) })
	}
	if k.ts != nil {
		run("listen-ts", func(ctx context.Context) error { return k.hub.ListenTS(ctx, k.ts) })
	}
	if k.rtmp != nil {
		run("rtmp", func(ctx context.Context) error { return k.hub.ListenRTMP(ctx, k.rtmp, faulty...) })
	}
	go func() {
		defer close(k.ended)
		running.Wait()
	}()
}

// end says that no more units come, lets the outputs hand over what is left, and returns when all have ended. stopping is
// how long ago the stop was asked for.
func (k *carriers) end(stopping time.Duration) {
	k.hub.Close()
	timer := time.NewTimer(max(carryTime-stopping, leastCarryTime))
	defer timer.Stop()
	select {
	case <-k.ended:
	case <-timer.C:
	}
	k.stopping()
	<-k.ended
}

// distinct gives each output a name of its own: what is left of an address without its secrets may be the same for several.
func distinct(list []outputs.Status) []outputs.Status {
	taken := map[[2]string]bool{}
	for i, s := range list {
		for n := 2; taken[[2]string{s.Kind, list[i].Name}]; n++ {
			list[i].Name = fmt.Sprintf("%s (%d)", s.Name, n)
		}
		taken[[2]string{s.Kind, list[i].Name}] = true
	}
	return list
}

// status lists the outputs.
func (k *carriers) status() []outputs.Status { return distinct(k.hub.Status()) }
