package truth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

const (
	every        = 2 * time.Second // how often the truth about a stream that is recorded is requested
	firstTimeout = 5 * time.Second // bounds the wait for the first answer: another server may never give one
	lastTimeout  = time.Second     // bounds the question at the end, so that a stop is over in time
	maxClocks    = 64 << 10        // bounds the answer about the clocks, in bytes: it has about 1 kB
	atOnce       = 50_000          // bounds what is requested at once, in frames: a quarter of an hour at 60 frames/s
	// reach is how much before the window the truth begins: playlists name segments a little longer than that.
	reach   = 30 * time.Second
	timeout = 30 * time.Second
)

// Recorder appends the frames and markers of a refstream server to files of JSON Lines in the session that records its stream.
type Recorder struct {
	source truth.Source
	clocks string // address of the server's clocks
	dir    string
	logger *slog.Logger
	now    func() time.Time

	channel Channel
	files   *files
	from    int64 // the first frame that is requested
	failing bool

	begun   sync.Once
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// NewRecorder makes a Recorder for a stream and the folder of its session; now is the recorder's clock. server is where the truth
// is, empty for the stream's own server. The Recorder is nil, and does nothing, if the stream's address names no server.
func NewRecorder(stream, server, dir string, now func() time.Time, logger *slog.Logger) (*Recorder, error) {
	if u, err := url.Parse(stream); server == "" && (err != nil || u.Scheme != "http" && u.Scheme != "https") {
		return nil, nil
	}
	own, channel := truth.ServerOf(stream)
	named := server != ""
	if server == "" {
		server = own
	}
	source, err := truth.Server(server, channel, &http.Client{Timeout: timeout})
	switch {
	case err != nil && !named:
		return nil, nil // the stream's address is wrong: its own request reports that
	case err != nil:
		return nil, fmt.Errorf("--truth: %q is not the address of a server such as http://127.0.0.1:8080", redact.Address(server))
	}
	clean, _ := truth.WithoutExpression(server)
	return &Recorder{source: source, clocks: strings.TrimSuffix(clean, "/") + "/clocks", dir: filepath.Join(dir, folder), logger: logger, now: now}, nil
}

// Start begins to ask, once however often it is called, until Stop: not until ctx ends, because the recording ends after that.
// A server without truth is ignored; given, set if the user named the server, makes that a warning.
func (t *Recorder) Start(ctx context.Context, given bool) {
	if t == nil {
		return
	}
	t.begun.Do(func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		t.cancel = cancel
		t.running.Go(func() { t.run(ctx, given) })
	})
}

// Stop asks once more, and returns when all is written. It does nothing where nothing was started.
func (t *Recorder) Stop() {
	if t == nil || t.cancel == nil {
		return
	}
	t.cancel()
	t.running.Wait()
}

// run asks until ctx ends, and once more then.
func (t *Recorder) run(ctx context.Context, given bool) {
	first, cancel := context.WithTimeout(ctx, firstTimeout)
	err := t.begin(first)
	cancel()
	if err != nil {
		level := slog.LevelDebug // most streams have none
		if given {
			level = slog.LevelWarn
		}
		t.logger.Log(ctx, level, "the truth is not recorded", "error", err)
		return
	}
	defer t.close()
	t.logger.Info("the stream is refstream's: its truth is recorded too", "channel", t.channel.Name)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		t.ask(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTimeout)
			defer cancel()
			t.ask(last)
			return
		}
	}
}

// begin finds out whether there is a truth, and opens the files.
func (t *Recorder) begin(ctx context.Context) error {
	var err error
	if t.channel, err = t.askChannel(ctx); err != nil {
		return err
	}
	window := t.channel.Rate.Frames(int64(reach)) + t.channel.Window*t.channel.FramesPerSegment
	t.from = max(0, t.due()-window)
	t.files, err = openFiles(t.dir, t.channel)
	return err
}

// askChannel asks what the channel is, and how far the server's clock is ahead of this machine's.
func (t *Recorder) askChannel(ctx context.Context) (c Channel, err error) {
	if c.Channel, err = t.source.Channel(ctx); err != nil {
		return c, err
	}
	if err := truth.CheckChannel(c.Channel); err != nil { // the server may be anybody's
		return c, err
	}
	address := t.clocks + "?" + url.Values{"channel": {c.Name}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return c, err
	}
	asked := t.now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return c, err
	}
	defer res.Body.Close()
	answered := t.now()
	var clocks struct {
		ServerTime time.Time `json:"server_time"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxClocks)).Decode(&clocks); err != nil || clocks.ServerTime.IsZero() {
		return c, fmt.Errorf("read %s: no server_time: %w", address, err)
	}
	c.ServerAhead = media.Seconds(clocks.ServerTime.Sub(asked.Add(answered.Sub(asked) / 2)))
	return c, nil
}

func (t *Recorder) due() int64 { return t.channel.Rate.Frames(int64(t.now().Sub(t.channel.Epoch))) }

// ask asks for new records, in pieces if there are many. Records arrive in the order of their frames, but missing frames may
// arrive a moment later: so each question overlaps the last.
func (t *Recorder) ask(ctx context.Context) {
	back := t.channel.Rate.Frames(int64(reach))
	for more := true; more; {
		to := t.due() + back
		if more = to > t.from+atOnce; more {
			to = t.from + atOnce
		}
		found, err := t.source.Between(ctx, t.from, to)
		if err == nil {
			err = t.files.append(batchOf(found))
		}
		if err == nil {
			err = t.askFaults(ctx, t.from, to)
		}
		if err != nil {
			if !t.failing && ctx.Err() == nil {
				t.failing = true
				t.logger.Warn("the truth could not be recorded, it is tried again", "channel", t.channel.Name, "error", err)
			}
			return
		}
		if t.failing {
			t.logger.Info("the truth is recorded again", "channel", t.channel.Name)
		}
		t.failing = false
		if more {
			t.from = to - back
		} else if len(found.Frames) > 0 {
			t.from = max(t.from, t.files.lastFrame()-back)
		}
	}
}

// askFaults asks for the faults of a faulty twin; other channels have none.
func (t *Recorder) askFaults(ctx context.Context, from, to int64) error {
	list, err := truth.FaultsOf(ctx, t.source, from, to)
	if err != nil {
		return err
	}
	return t.files.appendFaults(list)
}

func (t *Recorder) close() {
	if err := t.files.close(); err != nil {
		t.logger.Warn("the truth may lack its end", "error", err)
	}
}

// batchOf sorts a truth.
func batchOf(t truth.Truth) markers.Batch {
	return markers.Batch{
		Frames: sorted(maps.Values(t.Frames)), Missing: sorted(slices.Values(t.Missing)), Markers: sorted(slices.Values(t.Markers)),
	}
}

func sorted[T identified](records iter.Seq[T]) []T {
	return slices.SortedFunc(records, func(a, b T) int { return a.RecordID().Compare(b.RecordID()) })
}
