package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/internal/redact"
)

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
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, healthView{"ok", s.cfg.Version})
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
	c.Response().Header().Set("Cache-Control", "no-store")
	status := http.StatusOK
	if v.Ready = len(v.Reasons) == 0; !v.Ready {
		status = http.StatusServiceUnavailable
	}
	return c.JSON(status, v)
}

// unpublished gives the reason why players can't load a channel that this process generates, if there is one: its
// playlists are looked up as a player's request would. Once they were there it gives none: what fails later is told by
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
		f, _, err := openBelow(s.cfg.HLSDir(channel), name)
		if err != nil {
			return []string{fmt.Sprintf("channel %s: no segment is published yet, %s can't be had", channel, name)}
		}
		_ = f.Close() // it is read only
	}
	s.published.Store(channel, true)
	return nil
}
