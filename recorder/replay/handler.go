package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/refstream/refstream/hlsclient"
)

const listed = 50 // how many playlists a refusal lists

// ServeHTTP answers a request as it was answered at this time of the recording.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.o.Wait {
		s.clock.begin()
	}
	found := s.index.find(r.URL)
	if found == nil && s.o.Fallback != nil {
		if other := s.o.Fallback(r.URL.Path); other != nil {
			other.ServeHTTP(w, r)
			return
		}
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "*")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			h.Set("Access-Control-Allow-Headers", asked)
		}
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		s.refuse(w, http.StatusMethodNotAllowed, "only GET, HEAD and OPTIONS are answered")
		return
	}
	if found == nil {
		s.refuse(w, http.StatusNotFound, "nothing was recorded at this path")
		return
	}
	if found.playlist {
		s.clock.begin()
	}
	err := s.serve(w, r, found)
	switch {
	case err == nil, r.Context().Err() != nil:
	case errors.Is(err, errSent):
		s.o.Logger.Info("replay: answer broke off on the way", "path", found.path, "error", err)
	default:
		s.o.Logger.Error("replay: can't answer", "path", found.path, "error", err)
		h := w.Header()
		clear(h)
		h.Set("Access-Control-Allow-Origin", "*")
		s.refuse(w, http.StatusInternalServerError, "the recording can't be read: see the replay's log")
	}
}

func (s *Server) refuse(w http.ResponseWriter, status int, why string) {
	paths := s.Paths()
	if len(paths) > listed {
		paths = append(paths[:listed], "…")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "%s. It is a replay of %s; its playlists:\n%s\n", why, s.index.playlists[0].path, strings.Join(paths, "\n"))
}

// serve answers a request for a known resource. After the first byte errors wrap errSent.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, found *resource) error {
	began, m := s.o.Now(), s.moment()
	asked := rangeOf(r)
	part := asked.exact()          // the same part if one was requested, or else all
	o, past := found.pick(m, part) // past: of the pass before
	if o == nil && part != nil {
		part = nil
		o, past = found.pick(m, nil)
	}
	if o == nil {
		return s.servePieces(w, r, found, m, asked)
	}
	if o.final != found && o.answered >= 0 && !found.isFinal(o) && r.URL.Path != streamPath {
		w.Header().Set("Location", o.final.path)
		w.Header().Set("Cache-Control", "no-store") // it may lead elsewhere at another time
		w.WriteHeader(http.StatusFound)
		return nil
	}
	a := answer{outcome: o, began: began, waits: waitsFor(found, o, m, past)}
	if past {
		m.pass--
	}
	if err := s.load(r.Context(), &a, r.URL.Path, found, m); err != nil {
		return err
	}
	if part == nil && asked != nil {
		a.cut(*asked)
	}
	return s.send(w, r, &a)
}

// isFinal reports whether an outcome is that of a request which was redirected here.
func (r *resource) isFinal(o *outcome) bool {
	for i := range r.outcomes {
		if &r.outcomes[i] == o {
			return false
		}
	}
	return true
}

// waitsFor is how long a request waits for its answer. Those for playlists depend on the clock: a version appears when it did,
// whenever it is requested.
func waitsFor(found *resource, o *outcome, m moment, past bool) waits {
	switch {
	case !found.playlist:
		return waits{header: max(o.answered-o.began, 0), end: o.ended - o.began, paced: true}
	case past:
		return waits{}
	}
	return waits{header: max(o.answered-m.at, 0), end: max(o.ended-m.at, 0)}
}

func (s *Server) load(ctx context.Context, a *answer, served string, found *resource, m moment) error {
	o := a.outcome
	if o.answered < 0 || o.body == 0 {
		return nil
	}
	b, err := s.session.Body(ctx, o.body)
	if err != nil {
		return err
	}
	a.body = b
	if !found.playlist || !o.whole() {
		return nil
	}
	if served != streamPath {
		served = found.path
	}
	text, err := o.text(b)
	if err != nil {
		return nil // an unreadable one is sent as it is
	}
	now, err := s.playlistText(ctx, found, o, served, m, text)
	switch {
	case err != nil:
	case o.coding == "":
		a.body = now
	case !bytes.Equal(now, text):
		a.body, err = compressed(now)
	}
	return err
}

// textOf is the text of a recorded playlist, empty for an unreadable one, and its address.
func (s *Server) textOf(ctx context.Context, o *outcome) (text []byte, base *url.URL, err error) {
	if base, err = parseAddress(o.base); err != nil {
		return nil, nil, err
	}
	body, err := s.session.Body(ctx, o.body)
	if err != nil {
		return nil, nil, err
	}
	text, _ = o.text(body)
	return text, base, nil
}

// text is the text of a playlist with that body.
func (o *outcome) text(body []byte) ([]byte, error) {
	if o.coding == "" {
		return body, nil
	}
	return hlsclient.PlaylistText(http.Header{"Content-Encoding": {o.coding}}, body)
}

// compressed is a playlist as it is sent with the content coding gzip, which is the only one that is read.
func compressed(text []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(text)
	err = errors.Join(err, z.Close())
	return b.Bytes(), err
}
