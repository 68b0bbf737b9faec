package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// Of a rig's channel: frames of 40 ms, segments of 10 frames, 400 ms.
const (
	frameTime   = 40 * time.Millisecond
	segmentTime = 10 * frameTime
	// firstFrame is the first frame of the first run: it is due 400 ms after the start.
	firstFrame = 1010
)

// rig is one channel with fakes around it, in a bubble of virtual time (testing/synctest): nothing waits for real, so
// that hours pass in milliseconds, and every delay is exact.
type rig struct {
	t       *testing.T
	info    markers.Channel
	store   *fakeStore
	pacer   *fakePacer
	hls     *fakeSegmenter // of the last run
	out     *fakeOutput
	metrics *Metrics
	live    *Live
	log     *logBook

	// scripts are for the encoders in the order of their starts; those after the last one live.
	scripts []script
	// next makes the script of the next encoder instead, where it is set.
	next func() script
	// noEncoder fails the making of the encoder with that number.
	noEncoder map[int]error
	// set is called before each run, to change what is in the rig.
	set      func()
	encoders []*fakeEncoder
	// others makes the scripts of the encoders of the ladder, in the order of their starts over all renditions, and ladder are these
	// encoders; sounds are those of the sound, and soundDies after how many units each of them dies, 0 for never.
	others    func(i int) script
	making    sync.Mutex // of those
	ladder    []*fakeEncoder
	sounds    []*fakeSound
	soundDies []int
	triggers  []markers.Trigger // that were accepted
	killed    bool              // one of the runs was

	registry *prometheus.Registry
	runs     []ranOnce
	cancel   context.CancelFunc
	done     chan error
}

// ranOnce is what one run left.
type ranOnce struct {
	hls      *fakeSegmenter
	registry *prometheus.Registry
	killed   bool
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newRig(t)) })
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, store: newFakeStore(t), log: &logBook{}, noEncoder: map[int]error{}}
	// The run begins half a frame after frame 1000 was due, so that nothing a test does falls on a frame's moment.
	r.info = markers.Channel{Name: "main", Rate: media.FrameRate{Num: 25, Den: 1}, FramesPerSegment: 10,
		Epoch: time.Now().Add(-1000*frameTime - frameTime/2).UTC(), PTSOrigin: markers.PTSOrigin, Seed: 7,
		Width: 160, Height: 90, EventEvery: 600, EventLength: 60, Window: 6}
	r.pacer = &fakePacer{clock: r.info.Clock()}
	return r
}

// build makes the next run.
func (r *rig) build() *Live {
	r.t.Helper()
	r.info.Run++
	segments, _ := r.store.Journal.Segments(r.t.Context(), "main", markers.Range{})
	known, _ := r.store.Journal.Markers(r.t.Context(), "main", markers.Range{})
	r.hls, r.out = newFakeSegmenter(r.info.Clock(), segments, known), &fakeOutput{}
	r.registry = prometheus.NewRegistry()
	r.metrics = NewMetrics(r.registry, r.info.Name)
	r.live = &Live{
		Channel: Channel{
			Info: r.info, Encoder: r.encoder, HLS: r.hls, Outputs: []reader{r.out}, Store: r.store,
			Logger: slog.New(slog.NewTextHandler(r.log, nil)), Metrics: r.metrics, Now: time.Now,
		},
		Records: r.store, Pacer: r.pacer, KeepMarkers: time.Minute,
	}
	for _, rung := range r.info.Ladder {
		r.live.Ladder = append(r.live.Ladder, Rung{Rendition: rung, Encoder: func() (encoderProcess, error) { return r.ladderEncoder(rung), nil }})
	}
	if r.info.Audio {
		r.live.Sound = r.sound
	}
	if r.set != nil {
		r.set()
	}
	return r.live
}

func (r *rig) encoder() (encoderProcess, error) {
	i := len(r.encoders)
	var s script
	switch {
	case r.next != nil:
		s = r.next()
	case i < len(r.scripts):
		s = r.scripts[i]
	}
	e := newFakeEncoder(r.info.Clock(), scenario.Picture(r.info), s)
	r.encoders = append(r.encoders, e)
	return e, r.noEncoder[i]
}

func (r *rig) ladderEncoder(rung markers.Rendition) *fakeEncoder {
	r.making.Lock()
	defer r.making.Unlock()
	var s script
	if r.others != nil {
		s = r.others(len(r.ladder))
	}
	s.rendition = rung.Name
	e := newFakeEncoder(r.info.Clock(), scenario.Rendition(r.info, rung), s)
	r.ladder = append(r.ladder, e)
	return e
}

func (r *rig) sound() (soundProcess, error) {
	s := newFakeSound()
	if i := len(r.sounds); i < len(r.soundDies) {
		s.dies = r.soundDies[i]
	}
	r.sounds = append(r.sounds, s)
	return s, nil
}

// start begins a run.
func (r *rig) start() {
	r.t.Helper()
	live := r.build()
	ctx, cancel := context.WithCancel(r.t.Context())
	r.cancel, r.done = cancel, make(chan error, 1)
	go func() { r.done <- live.Run(ctx) }()
	synctest.Wait()
}

// pass lets virtual time pass.
func (r *rig) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// until lets time pass to half a frame after frame n is due.
func (r *rig) until(n int64) {
	r.t.Helper()
	d := r.info.Clock().UTC(n).Add(frameTime / 2).Sub(r.pacer.Now())
	if d < 0 {
		r.t.Fatalf("frame %d was due %v ago", n, -d)
	}
	r.pass(d)
}

// stop ends the run, wants it to end well, and returns how long that took.
func (r *rig) stop() time.Duration {
	r.t.Helper()
	began := time.Now()
	r.cancel()
	if err := r.ended(); err != nil {
		r.t.Errorf("run %d ended with %v", r.info.Run, err)
	}
	if !r.hls.closed {
		r.t.Errorf("run %d did not end the playlist", r.info.Run)
	}
	return time.Since(began)
}

// ended waits for the run's end, but not for ever.
func (r *rig) ended() error {
	r.t.Helper()
	var err error
	select {
	case err = <-r.done:
	case <-time.After(time.Minute):
		r.t.Error("the run does not end")
		r.cancel()
		err = <-r.done
	}
	synctest.Wait()
	r.cancel()
	r.runs = append(r.runs, ranOnce{r.hls, r.registry, r.store.dead.Load()})
	return err
}

// kill ends the run so that nothing of it is stored from now on, unless that was so already.
func (r *rig) kill() {
	r.store.dead.Store(true)
	r.killed = true
	r.cancel()
	_ = r.ended()
	r.store.dead.Store(false)
	r.store.dies.Store(-1)
}

// starts lists when the encoders were started, since the first one.
func (r *rig) starts() (list []time.Duration) {
	for _, e := range r.encoders {
		list = append(list, e.started.Sub(r.encoders[0].started))
	}
	return list
}

func (r *rig) segments() []markers.SegmentRecord {
	list, _ := r.store.Journal.Segments(r.t.Context(), "main", markers.Range{})
	return list
}

func (r *rig) missing() []markers.MissingRecord {
	list, _ := r.store.Journal.Missing(r.t.Context(), "main", markers.Range{})
	return list
}

func (r *rig) markers() []markers.Marker {
	list, _ := r.store.Journal.Markers(r.t.Context(), "main", markers.Range{})
	return list
}

// lost is the missing record with that index, the zero record when there is none; marker the same for markers.
func (r *rig) lost(i int) (m markers.MissingRecord) {
	if list := r.missing(); i < len(list) {
		m = list[i]
	}
	return m
}

func (r *rig) marker(i int) (m markers.Marker) {
	if list := r.markers(); i < len(list) {
		m = list[i]
	}
	return m
}

func (r *rig) frames() []markers.FrameRecord {
	list, _ := r.store.Journal.Frames(r.t.Context(), "main", markers.Range{})
	return list
}

// account writes the stream in order: published segments as 1010-1019, with | in front of a discontinuity, and missing
// frames as 1020-1039 skipped.
func (r *rig) account() []string {
	type span struct {
		first int64
		text  string
	}
	var spans []span
	for _, s := range r.segments() {
		text := fmt.Sprintf("%d-%d", s.FirstFrame, s.LastFrame)
		if s.Discontinuity {
			text = "|" + text
		}
		spans = append(spans, span{s.FirstFrame, text})
	}
	for _, m := range r.missing() {
		spans = append(spans, span{m.Frame, fmt.Sprintf("%d-%d %s", m.Frame, m.LastFrame, m.Reason)})
	}
	slices.SortStableFunc(spans, func(a, b span) int { return int(a.first - b.first) })
	var list []string
	for _, s := range spans {
		list = append(list, s.text)
	}
	return list
}

// want compares the account of the stream, written in one line.
func (r *rig) want(account string) {
	r.t.Helper()
	if got := strings.Join(r.account(), ", "); got != account {
		r.t.Errorf("account of the stream:\n%s\nwant\n%s", got, account)
	}
}

// counted is the value of a counter or gauge of the last run, summed over its labels but for those given.
func counted(t *testing.T, registry *prometheus.Registry, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "refstream_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			fits := true
			for _, l := range m.GetLabel() {
				fits = fits && (len(labels) == 0 || l.GetName() == "channel" || slices.Contains(labels, l.GetValue()))
			}
			if fits {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func (r *rig) counted(name string, labels ...string) float64 {
	r.t.Helper()
	return counted(r.t, r.registry, name, labels...)
}

// logBook keeps what was logged.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// lines lists the lines that hold all of the words.
func (l *logBook) lines(words ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			found = append(found, line)
		}
	}
	return found
}
