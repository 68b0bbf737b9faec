package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"gopkg.in/yaml.v3"

	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/internal/redact"
)

// getPage lets the page answer. What it does not have either is an error, so that it is answered like every other.
func (s *Server) getPage(c echo.Context) error {
	if s.cfg.Page == nil {
		return nothingHere()
	}
	delivery.TidyRange(c.Request())
	err := answerBy(c, func(w http.ResponseWriter) { s.cfg.Page.ServeHTTP(w, c.Request()) })
	if r, ok := c.Response().Writer.(*recorder); ok && err == nil {
		r.route = "/" // all files of the page count as one route
	}
	return err
}

//go:embed openapi.yaml
var openAPI []byte

// getOpenAPI answers GET /openapi.yaml.
func (s *Server) getOpenAPI(c echo.Context) error {
	return answerDocument(c, "application/yaml", openAPI)
}

// getOpenAPIJSON answers GET /openapi.json: the same document.
func (s *Server) getOpenAPIJSON(c echo.Context) error {
	var document map[string]any // a list or a number as a key would be an error
	if err := yaml.Unmarshal(openAPI, &document); err != nil {
		return fmt.Errorf("read openapi.yaml: %w", err)
	}
	b, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("write openapi.json: %w", err)
	}
	return answerDocument(c, "application/json", b)
}

func answerDocument(c echo.Context, mediaType string, document []byte) error {
	c.Response().Header().Set("Cache-Control", "no-cache")
	return sendBytes(c, mediaType, delivery.ETag(document), document)
}

// readyTimeout bounds a readiness check: probes commonly give up after a few seconds and then learn no reason.
const readyTimeout = 2 * time.Second

// healthView is the answer of /healthz.
type healthView struct {
	Status  string `json:"status"`
	Version string `json:"version,omitempty"`
}

// readyView is the answer of /readyz.
type readyView struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"`
}

// getHealth answers GET /healthz: the process answers requests.
func (s *Server) getHealth(c echo.Context) error {
	return noStore(c, http.StatusOK, healthView{"ok", s.cfg.Version})
}

// getReady answers GET /readyz: whether all promises can be kept just now, and why not.
func (s *Server) getReady(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), readyTimeout)
	defer cancel()
	v := readyView{Reasons: []string{}}
	if err := s.cfg.Store.Ready(ctx); err != nil {
		v.Reasons = append(v.Reasons, "store: "+redact.Paths(err))
	}
	if err := s.cfg.Ready(ctx); err != nil {
		v.Reasons = append(v.Reasons, redact.Paths(err))
	}
	switch list, err := s.cfg.Store.Channels(ctx); {
	case err != nil:
		v.Reasons = append(v.Reasons, "channels: "+redact.Paths(err))
	case len(list) == 0:
		v.Reasons = append(v.Reasons, "there is no channel yet: the generator has not started")
	default:
		for _, ch := range list {
			v.Reasons = append(v.Reasons, s.unpublished(ch.Name)...)
		}
	}
	status := http.StatusOK
	if v.Ready = len(v.Reasons) == 0; !v.Ready {
		status = http.StatusServiceUnavailable
	}
	return noStore(c, status, v)
}

// unpublished gives the reason why players can't load a channel that this process generates, if there is one: its
// playlists are looked up as a player's request would. Once they were there it gives none: what fails later is reported by
// Config.Ready. A process that does not generate may well do without the published files, so it has no such reason.
func (s *Server) unpublished(channel string) []string {
	if s.cfg.Live == nil || s.cfg.Live(channel, "ts") == nil {
		return nil
	}
	if _, was := s.published.Load(channel); was {
		return nil
	}
	// The multivariant playlist is published last, behind the first segment and the playlist that names it.
	for _, name := range []string{"index.m3u8", "master.m3u8"} {
		f, err := s.hls.Open(channel, name)
		if err != nil {
			return []string{fmt.Sprintf("channel %s: no segment is published yet, %s can't be had", channel, name)}
		}
		f.Close()
	}
	s.published.Store(channel, true)
	return nil
}
