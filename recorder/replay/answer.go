package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/refstream/refstream/internal/hangup"
)

const (
	// paceStep is the least time between two parts of a slow body: players don't notice shorter ones.
	paceStep   = 10 * time.Millisecond
	flushAfter = time.Millisecond // how long a body may take after its header for the two to be sent at once
)

// errSent is an error after part of an answer was sent.
var errSent = errors.New("send answer")

// waits are the times, in the recording, from a request to the header of its answer, and to the end of its body. A paced body is
// sent bit by bit, others at the end.
type waits struct {
	header, end time.Duration
	paced       bool
}

type answer struct {
	*outcome
	body         []byte
	began        time.Time // of the request
	waits        waits
	sliced       bool // set where a client requested a part of a whole resource, which is from first on, of total bytes
	first, total int64
	unsatisfied  bool // there is no such part
}

// cut takes a part of an answer that was recorded as a whole. Where there is none it stays as it is.
func (a *answer) cut(part span) {
	total := int64(len(a.body))
	if !a.whole() || a.outcome.answered < 0 {
		return
	}
	first, last, ok := part.within(total)
	if !ok {
		a.unsatisfied, a.total, a.body = true, total, nil
		return
	}
	a.sliced, a.first, a.total = true, first, total
	a.body = a.body[first : last+1]
	if total > 0 {
		body := a.waits.end - a.waits.header
		a.waits.end = a.waits.header + scale(body, int64(len(a.body)), total)
	}
}

// send sends an answer when it is due.
func (s *Server) send(w http.ResponseWriter, r *http.Request, a *answer) error {
	ctx := r.Context()
	wait := func(until time.Duration) error {
		return s.clock.wait(ctx, until-s.o.Speed.recorded(s.o.Now().Sub(a.began)))
	}
	if a.answered < 0 {
		if err := wait(a.waits.end); err != nil {
			return err
		}
		hangUp(ctx, w, false)
		return nil
	}
	if err := wait(a.waits.header); err != nil {
		return err
	}
	status := a.head(w.Header())
	w.WriteHeader(status)
	if r.Method == http.MethodHead || !hasBody(status) {
		return nil
	}
	out := http.NewResponseController(w)
	if a.waits.end-a.waits.header > flushAfter {
		_ = out.Flush() // a writer that can't sends all at the end
	}
	steps := time.Duration(1)
	if a.waits.paced {
		steps = min(max((a.waits.end-a.waits.header)/max(s.o.Speed.recorded(paceStep), 1), 1), time.Duration(max(len(a.body), 1)))
	}
	sent := 0
	for i := range steps {
		if err := wait(a.waits.header + scale(a.waits.end-a.waits.header, int64(i+1), int64(steps))); err != nil {
			return err
		}
		next := int(scale(time.Duration(len(a.body)), int64(i+1), int64(steps)))
		if _, err := w.Write(a.body[sent:next]); err != nil {
			return fmt.Errorf("%w: %w", errSent, err)
		}
		sent = next
		if i+1 < steps {
			_ = out.Flush()
		}
	}
	if a.broken {
		hangUp(ctx, w, true)
	}
	return nil
}

func (a *answer) head(h http.Header) int {
	setHeader(h, a.header)
	inert(h)
	if h.Get("Content-Type") == "" {
		h["Content-Type"] = nil // it isn't guessed
		if u, err := parseAddress(a.base); a.header == "" && err == nil {
			h.Set("Content-Type", cmp.Or(contentTypes[path.Ext(u.Path)], "application/octet-stream"))
		}
	}
	length := int64(len(a.body))
	switch {
	case a.unsatisfied:
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", a.total))
		h.Set("Content-Length", "0")
		return http.StatusRequestedRangeNotSatisfiable
	case a.sliced:
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", a.first, a.first+length-1, a.total))
		h.Set("Content-Length", strconv.FormatInt(length, 10))
		h.Set("Accept-Ranges", "bytes")
		return http.StatusPartialContent
	case a.broken && a.announced >= 0:
		length = a.announced
	case a.broken:
		length = -1
	}
	if a.whole() {
		h.Set("Accept-Ranges", "bytes")
	}
	if a.status == http.StatusPartialContent && h.Get("Content-Range") == "" && a.part != nil { // of a file
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/*", a.part.Offset, a.part.Offset+a.part.Length-1))
	}
	if length >= 0 && hasBody(a.status) {
		h.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	return a.status
}

// hasBody reports whether answers with a status may have a body.
func hasBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// contentTypes are those of files whose type was not recorded, by extension.
var contentTypes = map[string]string{
	".m3u8": "application/vnd.apple.mpegurl", ".m3u": "application/vnd.apple.mpegurl", // RFC 8216bis, 4
	".ts": "video/mp2t", ".mp4": "video/mp4", ".m4s": "video/mp4", ".m4v": "video/mp4", ".cmfv": "video/mp4",
	".m4a": "audio/mp4", ".cmfa": "audio/mp4", ".aac": "audio/aac", ".vtt": "text/vtt",
}

// hangUp closes the connection of a request without an end to its answer. With sent, the client has what was sent before.
func hangUp(ctx context.Context, w http.ResponseWriter, sent bool) {
	if sent {
		_ = http.NewResponseController(w).Flush() // a writer that can't has sent it
	}
	conn, err := hangup.Take(w)
	switch {
	case err != nil: // HTTP/2, whose server takes this for the end of the stream
		panic(http.ErrAbortHandler)
	case sent:
		hangup.Close(ctx, conn)
	default:
		hangup.Reset(ctx, conn)
	}
}
