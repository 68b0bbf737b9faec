package recorder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/internal/pause"
)

// Why a run ended, besides an error.
const (
	reasonStopped  = "stopped"
	reasonDuration = "duration"
	reasonEnd      = "end of stream"
)

const (
	progressEvery = 250 * time.Millisecond // how often progress is reported
	// parallel is how many segments of a playlist are requested at once while some fail or are slow: one that hangs takes up a
	// slot for some tens of seconds.
	parallel     = 8
	persistPause = time.Second // how long to wait until a stream that can't be had is requested again
)

// errDuration is why a recording is ended whose duration is over.
var errDuration = errors.New("the duration is over")

// Record records a stream into a new session, or resumes one, until ctx is done, the duration is over or all playlists have
// ended, none of which is an error. After an error all that was recorded is kept; a new session in which nothing of the stream
// could be read is removed.
func Record(ctx context.Context, o Options) (Summary, error) {
	sum, err := record(ctx, o)
	switch {
	case errors.Is(err, syscall.EFBIG):
		err = fmt.Errorf("%w: what was recorded is kept: raise the limit on the size of files (ulimit -f) and resume", err)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		err = fmt.Errorf("%w: what was recorded is kept: make room there and resume", err)
	}
	if err != nil {
		return sum, fmt.Errorf("record session %s: %w", o.Dir, err)
	}
	return sum, nil
}

func record(ctx context.Context, o Options) (Summary, error) {
	if err := o.check(); err != nil {
		return Summary{}, err
	}
	w, err := openWriter(ctx, &o)
	if err != nil {
		return Summary{}, err
	}
	r := &recording{w: w, o: &o, feeds: map[string]*feed{}, iframes: map[string]bool{}}
	if o.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Duration, errDuration)
		defer cancel()
	}
	stop := r.reportProgress()
	reason, err := r.read(ctx)
	stop()
	return r.finish(reason, err)
}

func (r *recording) finish(reason string, err error) (Summary, error) {
	if err != nil {
		reason = err.Error()
	}
	discarded := r.w.folder.fresh && r.media == 0 && (!r.o.Persist || r.heard == 0)
	if discarded {
		r.w.discard()
	} else if ended := r.w.end(r.o.Now(), reason); ended != nil && err == nil {
		err = fmt.Errorf("store the end: %w", explainWrite(r.w.folder.dir, ended))
	}
	if closed := r.w.close(); closed != nil && err == nil {
		err = fmt.Errorf("close %s: %w", databaseFile, explainWrite(r.w.folder.dir, closed))
	}
	if discarded {
		return Summary{Reason: reason}, err
	}
	p := r.now()
	if r.o.Progress != nil {
		r.o.Progress(p)
	}
	return Summary{Progress: p, Reason: reason, Resumed: r.w.resumed}, err
}

// read reads the stream and returns why it ended.
func (r *recording) read(ctx context.Context) (reason string, err error) {
	o := r.o
	client := &hlsclient.Client{
		Now: o.Now, HTTP: o.HTTP, Header: o.Header, HeaderTo: o.HeaderTo, Choose: r.choose, Behind: o.Behind, Reload: o.reload,
		ReloadMultivariant: max(pollMultivariant, o.Poll), Timeout: o.Timeout, Parallel: parallel,
		SpoolDir: filepath.Join(r.w.folder.dir, chunksDir), MaxSpool: -1, // everything is kept there anyway
	}
	if o.Behind == 0 {
		client.Behind = -1
	}
	if o.HTTP == nil {
		client.HTTP = newHTTP()
		defer client.HTTP.CloseIdleConnections()
	}
	for {
		heard := r.heard
		err := client.Run(ctx, r.w.info.URL, r.handler())
		switch {
		case r.first != nil:
			return "", r.first
		case err == nil:
			return reasonEnd, nil
		case ctx.Err() != nil:
			if errors.Is(context.Cause(ctx), errDuration) {
				return reasonDuration, nil
			}
			return reasonStopped, nil
		case r.media > 0 || r.heard == heard || !o.Persist && !r.w.resumed:
			return "", err
		}
		if err := r.handler().Trouble(&hlsclient.Trouble{At: o.Now(), Err: err}); err != nil {
			return "", err
		}
		_ = pause.For(ctx, persistPause) // that it ended, the next request finds
	}
}

func (r *recording) now() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, now := r.progress, r.o.Now()
	p.Elapsed = now.Sub(r.w.start)
	for _, f := range r.feeds {
		p.Behind = max(p.Behind, f.behind)
		p.Silent = max(p.Silent, f.silent(now))
	}
	return p
}

// reportProgress reports the progress until stop is called.
func (r *recording) reportProgress() (stop func()) {
	if r.o.Progress == nil {
		return func() {}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(progressEvery)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				r.o.Progress(r.now())
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

const (
	connections = 64 // how many to one server are kept open: a playlist and a segment each of many variants
	// idle is how long an unused connection is kept: less than the 5 s after which common servers close it.
	idle = 4 * time.Second
)

func newHTTP() *http.Client {
	c, transport := hlsclient.NewHTTP()
	transport.MaxIdleConnsPerHost, transport.IdleConnTimeout = connections, idle
	c.Transport = once{transport, struct{ io.ReadCloser }{http.NoBody}} // net/http must not recognize NoBody
	return c
}

// once prevents the silent retries of net/http when a reused connection is closed without an answer: that is an outcome to
// record. net/http does not repeat a request with a body that can't be rewound. Over HTTP/1 an empty body of unknown length
// does not change the request if it is not sent in chunks ("identity"). Over HTTP/2 it would, so TLS is left alone.
type once struct {
	*http.Transport
	body io.ReadCloser // empty
}

func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "http" && (r.Body == nil || r.Body == http.NoBody) {
		r = r.WithContext(r.Context()) // a copy
		r.Body, r.GetBody, r.TransferEncoding = o.body, nil, []string{"identity"}
	}
	return o.Transport.RoundTrip(r)
}
