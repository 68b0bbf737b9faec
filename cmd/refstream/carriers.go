package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/refstream/refstream/api"
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

// hlsTypeDefault is the kind of segments that every player takes.
const hlsTypeDefault = "mpegts"

// carrierFlags are the flags of the live outputs besides HLS.
type carrierFlags struct {
	push, relay                                  []string
	listenTS, rtmp, relayHLS, hlsType, relayDASH string
}

func (f *carrierFlags) register(flags *pflag.FlagSet) {
	defer under(flags, carrierTitle)()
	flags.StringArrayVar(&f.push, "push", nil, "send the stream to tcp://host:port (MPEG-TS) or rtmp[s]://host/app/key; may be repeated")
	flags.StringVar(&f.listenTS, "listen-ts", "", "serve MPEG-TS to whoever connects to this address, such as 127.0.0.1:4445")
	flags.StringVar(&f.rtmp, "rtmp", "", "serve rtmp://address/live/CHANNEL to players, such as 127.0.0.1:1935")
	flags.StringArrayVar(&f.relay, "relay", nil, "run ffmpeg -c copy into this output: an address (srt, udp, rtp, rtsp, tcp), such as srt://host:9000,\n"+
		"or a file (.ts, .mp4, .mov, .mkv, .flv); may be repeated")
	flags.StringVar(&f.relayHLS, "relay-hls", "", "publish with ffmpeg's own hls muxer into this folder")
	flags.StringVar(&f.hlsType, "relay-hls-type", hlsTypeDefault, "segments of --relay-hls: mpegts or fmp4")
	flags.StringVar(&f.relayDASH, "relay-dash", "", "publish with ffmpeg's dash muxer into this folder")
}

// given says whether any is set.
func (f *carrierFlags) given() bool {
	return len(f.push)+len(f.relay) > 0 || f.listenTS+f.rtmp+f.relayHLS+f.relayDASH != ""
}

// carriers are the live outputs of one channel: what the flags ask for, and how to run it.
type carriers struct {
	targets  []outputs.Target
	relays   func(markers.Channel) ([]outputs.RelaySpec, error)
	ts, rtmp net.Listener
	hub      *outputs.Hub
	logger   *slog.Logger
	stopping context.CancelFunc
	ended    chan struct{}
}

// open reads the flags and takes the addresses. published is the folder that the server publishes into itself. Errors
// name the flag.
func (f *carrierFlags) open(c markers.Channel, published string, logger *slog.Logger) (*carriers, error) {
	k := &carriers{logger: logger}
	for _, p := range f.push {
		t, err := outputs.ParsePush(p)
		if err != nil {
			return nil, fmt.Errorf("--push: %w", err)
		}
		k.targets = append(k.targets, t)
	}
	// The real ones are made when the channel is known for certain: the data directory may bring another one.
	k.relays = func(c markers.Channel) ([]outputs.RelaySpec, error) { return f.relays(c, published) }
	if _, err := k.relays(c); err != nil {
		return nil, err
	}
	for _, l := range []struct {
		flag, addr string
		to         *net.Listener
	}{{"--listen-ts", f.listenTS, &k.ts}, {"--rtmp", f.rtmp, &k.rtmp}} {
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

// relays makes the relays of a channel. Errors name the flag.
func (f *carrierFlags) relays(c markers.Channel, published string) (list []outputs.RelaySpec, err error) {
	add := func(flag string, spec outputs.RelaySpec, e error) {
		if e == nil {
			e = spec.Outside(published)
		}
		if list = append(list, spec); e != nil && err == nil {
			err = fmt.Errorf("%s: %w", flag, e)
		}
	}
	for _, r := range f.relay {
		spec, err := outputs.ParseRelay(r)
		add("--relay", spec, err)
	}
	if f.relayHLS == "" && f.hlsType != hlsTypeDefault {
		add("--relay-hls-type", outputs.RelaySpec{}, errors.New("it is about --relay-hls, which is not given"))
	}
	if f.relayHLS != "" {
		spec, err := outputs.HLSRelay(f.relayHLS, f.hlsType, c)
		add("--relay-hls", spec, err)
	}
	if f.relayDASH != "" {
		spec, err := outputs.DASHRelay(f.relayDASH, c)
		add("--relay-dash", spec, err)
	}
	return list, err
}

// close gives the addresses back.
func (k *carriers) close() {
	for _, l := range []net.Listener{k.ts, k.rtmp} {
		if l != nil {
			l.Close()
		}
	}
}

// flvOptions describes the stream in FLV's metadata.
func flvOptions(c markers.Channel, e encoder.Options) flv.Options {
	return flv.Options{Rate: c.Rate, Encoder: e.Encoder, Version: "refstream " + version, Channel: c.Name}
}

// makeHub makes what the channel's units go into.
func (k *carriers) makeHub(c markers.Channel, e encoder.Options, limits clientLimits) (err error) {
	k.hub, err = outputs.New(outputs.Options{
		Channel: c, FLV: flvOptions(c, e), FFmpeg: e.FFmpeg, Now: time.Now, Logger: k.logger, MaxClients: limits.consumers,
	})
	return err
}

// start runs every output that was asked for. They go on until end is called.
func (k *carriers) start(c markers.Channel) error {
	relays, err := k.relays(c)
	if err != nil {
		return err
	}
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
	for _, t := range k.targets {
		run("push", func(ctx context.Context) error { return k.hub.PushTo(ctx, t) })
	}
	for _, r := range relays {
		run("relay", func(ctx context.Context) error { return k.hub.Relay(ctx, r) })
	}
	if k.ts != nil {
		run("listen-ts", func(ctx context.Context) error { return k.hub.ListenTS(ctx, k.ts) })
	}
	if k.rtmp != nil {
		run("rtmp", func(ctx context.Context) error { return k.hub.ListenRTMP(ctx, k.rtmp) })
	}
	go func() {
		defer close(k.ended)
		running.Wait()
	}()
	return nil
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

// handler is the endless stream over HTTP of a channel in a format.
func (k *carriers) handler(channel string) func(name, format string) http.Handler {
	return func(name, format string) http.Handler {
		switch {
		case name != channel:
			return nil
		case format == "ts":
			return k.hub.TS()
		case format == "flv":
			return k.hub.FLV()
		}
		return nil
	}
}

// status lists the outputs, each with a name of its own: what is left of an address without its secrets may be the same
// for several.
func (k *carriers) status() []outputs.Status {
	list := k.hub.Status()
	taken := map[[2]string]bool{}
	for i, s := range list {
		for n := 2; taken[[2]string{s.Kind, list[i].Name}]; n++ {
			list[i].Name = fmt.Sprintf("%s (%d)", s.Name, n)
		}
		taken[[2]string{s.Kind, list[i].Name}] = true
	}
	return list
}

// outputs is what /channels says of them.
func (k *carriers) outputs(channel string) func(name string) []api.Output {
	return func(name string) []api.Output {
		if name != channel {
			return nil
		}
		var list []api.Output
		for _, s := range k.status() {
			list = append(list, api.Output(s))
		}
		return list
	}
}

// announce tells people where the stream can be had besides HLS. base is the HTTP server's address.
func (k *carriers) announce(w io.Writer, channel, base string) {
	fmt.Fprintf(w, "live      %s/live/%s.ts, %s.flv\n", base, channel, channel)
	if k.ts != nil {
		fmt.Fprintf(w, "mpeg-ts   tcp://%s\n", reachable(k.ts.Addr()))
	}
	if k.rtmp != nil {
		fmt.Fprintf(w, "rtmp      rtmp://%s/live/%s\n", reachable(k.rtmp.Addr()), channel)
	}
}
