package api

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
)

// contentPolicy lets the page load what this server sends and nothing else. hls.js plays from blob: addresses and
// starts its worker from one. No inline scripts or styles. No other site may frame it.
const contentPolicy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'"

// wrap puts around next what holds for every answer: headers, cross-origin rules, recovery from panics, log, metrics.
func (s *Server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.running.Add(1)
		defer s.running.Done()
		began := s.cfg.Now()
		rec := &recorder{ResponseWriter: w}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Referrer-Policy", "no-referrer")
		defer func() {
			took := s.cfg.Now().Sub(began)
			s.metrics.observe(rec.route, r.Method, rec.status, took)
			s.cfg.Logger.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path,
				"status", rec.status, "bytes", rec.bytes, "duration", took, "remote", r.RemoteAddr)
		}()
		defer s.recover(rec, r)
		if s.allowOrigin(rec, r) {
			return // it was a preflight
		}
		tidyRange(r)
		next.ServeHTTP(rec, r)
	})
}

// recover answers 500 for a panic of a handler and logs it. An answer that has begun is cut off instead, so that the
// client can see that it is not whole.
func (s *Server) recover(rec *recorder, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	s.metrics.panics.Inc()
	s.cfg.Logger.ErrorContext(r.Context(), "handler panicked", "path", r.URL.Path, "panic", v,
		slog.String("stack", string(debug.Stack())))
	if rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	writeProblem(rec, r, &Problem{Status: http.StatusInternalServerError, Detail: "the server made a mistake"})
}

// allowOrigin is where it is decided what pages of other origins may read: the media all of them, everything else those that the
// configuration allows. It adds the cross-origin headers, and answers a preflight, which it reports. X-Refstream is not among the
// headers that a foreign page may send: it is what tells this machine's user from a page that the user happens to look at.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request) (preflight bool) {
	if strings.HasPrefix(r.URL.Path, "/hls/") || strings.HasPrefix(r.URL.Path, "/live/") {
		return allowMedia(w, r)
	}
	if len(s.cfg.CORSOrigins) == 0 {
		return false
	}
	h, origin := w.Header(), r.Header.Get("Origin")
	allowed := ""
	for _, o := range s.cfg.CORSOrigins {
		if o == "*" {
			allowed = "*"
			break
		}
		if o == origin {
			allowed = origin
		}
	}
	if allowed != "*" {
		h.Add("Vary", "Origin")
	}
	if origin == "" || allowed == "" {
		return false
	}
	h.Set("Access-Control-Allow-Origin", allowed)
	h.Set("Access-Control-Expose-Headers", "ETag, Link, Location, Retry-After, "+truncatedHeader)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
	h.Set("Access-Control-Allow-Headers", strings.Join(
		[]string{"Authorization", "Content-Type", "Range", "If-None-Match", "Last-Event-ID"}, ", "))
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// allowMedia lets pages of every origin play the stream, as those of public test streams do: without credentials, and with the
// headers that players look at. It answers OPTIONS, which it reports.
func allowMedia(w http.ResponseWriter, r *http.Request) (answered bool) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Accept-Ranges, Content-Length, Content-Range, Date, ETag, Last-Modified, Retry-After")
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Allow", "GET, HEAD, OPTIONS")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Range, If-Range, If-None-Match, If-Modified-Since, Cache-Control, Pragma")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
