// Package replaypage answers what the page of a replay asks about the recording, in JSON and problem documents (RFC 9457).
package replaypage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sync"
	"time"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/recorder"
	"github.com/refstream/refstream/recorder/gaps"
	"github.com/refstream/refstream/recorder/replay"
)

const (
	// positionPath and gapsPath are where the replay page asks about the recording. What was recorded at them goes before.
	positionPath, gapsPath = "/_replay/position", "/_replay/gaps"
	// seekHeader and its value mark a request to move the clock: a page of another origin can't send the header without permission.
	seekHeader, seekValue = "X-Refstream", "replay"
	maxSeek               = 1 << 10 // bounds the body of such a request, in bytes
)

// Page answers what the replay page asks about the recording: where the replay is, what gaps finds, and to go elsewhere.
type Page struct {
	// Dir is the folder of the session, Server its replay, set before anything is served, and Options those of the replay, of which
	// Speed and Logger are used.
	Dir     string
	Server  *replay.Server
	Options replay.Options
	// Forward allows to seek forward only, because records can't be removed from a store.
	Forward bool

	mu     sync.Mutex
	report []byte // what gaps found, as JSON; nil before it was requested
}

// position is the answer of positionPath. Times are seconds of the recording.
type position struct {
	At      media.Seconds `json:"at"`
	Length  media.Seconds `json:"length"`
	UTC     time.Time     `json:"utc"` // of then
	Started bool          `json:"started"`
	Pass    int64         `json:"pass"` // of a loop, from 0
	Speed   string        `json:"speed"`
}

// Before has the page's requests answered, and others by what next finds.
func (p *Page) Before(next func(path string) http.Handler) func(path string) http.Handler {
	return func(path string) http.Handler {
		switch path {
		case positionPath:
			return http.HandlerFunc(p.servePosition)
		case gapsPath:
			return http.HandlerFunc(p.serveGaps)
		}
		return next(path)
	}
}

func (p *Page) servePosition(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		if status, err := p.seek(r); err != nil {
			writeRefusal(w, status, err)
			return
		}
	} else if !isGet(w, r, "GET, HEAD, POST", "use GET, or POST to go elsewhere") {
		return
	}
	at := p.Server.Position()
	body, err := json.Marshal(position{
		At: media.Seconds(at.At), Length: media.Seconds(at.Length), UTC: p.Server.UTC().UTC(), Started: at.Started, Pass: at.Pass,
		Speed: p.Options.Speed.String(),
	})
	if err != nil {
		writeRefusal(w, http.StatusInternalServerError, err)
		return
	}
	writeAnswer(w, http.StatusOK, "application/json", body)
}

// seek moves the replay's clock as a request asks. The status is that of the error.
func (p *Page) seek(r *http.Request) (status int, err error) {
	if v := r.Header.Values(seekHeader); len(v) != 1 || v[0] != seekValue {
		return http.StatusForbidden, fmt.Errorf("the header %s: %s is missing", seekHeader, seekValue)
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return http.StatusUnsupportedMediaType, errors.New(`the body is not application/json, such as {"at": 12.5}`)
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxSeek+1))
	if err != nil {
		return http.StatusBadRequest, fmt.Errorf("read body: %w", err)
	}
	var to struct {
		At *json.Number `json:"at"`
	}
	if err := json.Unmarshal(text, &to); err != nil || to.At == nil || len(text) > maxSeek {
		return http.StatusBadRequest, errors.New(`the body is not an object such as {"at": 12.5}, in seconds from the start of the recording`)
	}
	seconds, err := media.ParseSeconds(to.At.String())
	if err != nil {
		return http.StatusBadRequest, fmt.Errorf("at: %w", err)
	}
	at := time.Duration(seconds)
	if p.Forward && at < p.Server.Position().At {
		return http.StatusConflict, errors.New("a recording with its truth goes forward only: what is known of later frames can't be " +
			"taken back; start the replay anew, with --offset")
	}
	switch err := p.Server.Seek(at); {
	case errors.Is(err, replay.ErrRebased):
		return http.StatusConflict, err
	case err != nil:
		return http.StatusBadRequest, err
	}
	return 0, nil
}

// isGet refuses other methods than GET and HEAD.
func isGet(w http.ResponseWriter, r *http.Request, allow, hint string) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", allow)
	writeRefusal(w, http.StatusMethodNotAllowed, fmt.Errorf("the method %s is not allowed here: %s", r.Method, hint))
	return false
}

func (p *Page) serveGaps(w http.ResponseWriter, r *http.Request) {
	if !isGet(w, r, "GET, HEAD", "use GET") {
		return
	}
	report, err := p.find(r.Context())
	if err != nil {
		if r.Context().Err() == nil {
			p.Options.Logger.Warn("what gaps finds can't be shown", "error", err)
		}
		writeRefusal(w, http.StatusInternalServerError, errors.New("the recording can't be looked through: see the replay's log"))
		return
	}
	writeAnswer(w, http.StatusOK, "application/json", report)
}

// find looks through the recording, once. It opens the session anew: reading all of it must not hold up the replay.
func (p *Page) find(ctx context.Context) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.report != nil {
		return p.report, nil
	}
	session, err := recorder.Open(ctx, p.Dir)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	report, err := gaps.Find(ctx, session, gaps.Options{})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := report.WriteJSON(&b); err != nil {
		return nil, err
	}
	p.report = b.Bytes()
	return p.report, nil
}

func writeAnswer(w http.ResponseWriter, status int, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone
}

// writeRefusal answers with a problem document (RFC 9457), as the API does.
func writeRefusal(w http.ResponseWriter, status int, why error) {
	body, err := json.Marshal(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": why.Error()})
	if err != nil { // strings and a number always encode
		body = []byte("{}")
	}
	writeAnswer(w, status, "application/problem+json", body)
}
