package outputs

import (
	"net/http"
	"time"

	"github.com/refstream/refstream/stream"
)

// retryAfter is the number of seconds after which a place may be free again: there is no better estimate.
const retryAfter = "5"

// TS answers with MPEG-TS without end, from a key frame on: the newest complete GOP first. GET and HEAD; HEAD and refusals
// (503 with Retry-After, when all places are taken) have no stream. The server's time limits for requests are lifted.
func (h *Hub) TS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(h, h.httpTS, w, r, "video/mp2t", h.ts, tsBytes)
	})
}

// FLV answers as TS does, with FLV.
func (h *Hub) FLV() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(h, h.httpFLV, w, r, "video/x-flv", h.flv, flvBytes)
	})
}

// answer sends a feed as one answer.
func answer[T any](h *Hub, o *output, w http.ResponseWriter, r *http.Request, contentType string, f *stream.Feed[T],
	bytes func(T, bool) []byte) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this is a stream to GET", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(http.StatusOK)
		return
	}
	if !o.enter() {
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, "all places are taken: try again later", http.StatusServiceUnavailable)
		return
	}
	defer o.leave()
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)

	control := http.NewResponseController(w)
	// Writers without deadlines are those of tests in memory, where nobody is slow.
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	limit := deadline{set: control.SetWriteDeadline, timeout: h.o.WriteTimeout}
	send := func(b []byte) error {
		return limit.keep(func() error {
			n, err := w.Write(b)
			o.sent(n)
			if err != nil {
				return err
			}
			return control.Flush()
		})
	}
	// Nothing yet: the client learns at once that there is a stream, even if the next key frame is some time away.
	err := send(nil)
	if err == nil {
		err = pump(r.Context(), f.Join(), bytes, send)
	}
	if err != nil {
		// Without the end of the chunked body that would call the stream complete.
		_ = control.SetWriteDeadline(longAgo())
	}
	o.gone(r.RemoteAddr, err)
}
