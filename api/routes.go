package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// requestTimeout bounds the work on one answer, endless streams excepted: a store that hangs must not pile up requests.
const requestTimeout = 10 * time.Second

// routes builds the router. Every GET answers HEAD too, but for the event streams, which have no end to measure.
func (s *Server) routes() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.answerError
	e.Use(noteRoute)

	get := func(path string, h echo.HandlerFunc) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, bounded(h))
	}
	e.Match([]string{http.MethodGet, http.MethodHead}, "/markers", s.getMarkers)
	e.GET("/markers/stream", s.streamMarkers)
	e.POST("/markers", bounded(s.postMarker))
	e.Match([]string{http.MethodGet, http.MethodHead}, "/detections", s.getDetections)
	e.GET("/detections/stream", s.streamDetections)
	e.POST("/detections", bounded(s.postDetections))
	e.POST("/score", bounded(s.postScore))
	get("/score", s.getScore)
	get("/frames", s.getFrames)
	get("/frames/:n", s.getFrame)
	get("/segments", s.getSegments)
	get("/clocks", s.getClocks)
	get("/channels", s.getChannels)
	get("/healthz", s.getHealth)
	get("/readyz", s.getReady)
	get("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.cfg.Gatherer, promhttp.HandlerOpts{})))
	get("/openapi.yaml", s.getOpenAPI)
	get("/openapi.json", s.getOpenAPIJSON)
	get("/hls/:channel/:file", s.getPublished)
	e.Match([]string{http.MethodGet, http.MethodHead}, liveRoute, s.getLive)
	get("/docs", s.getPage)
	get("/", s.getPage)
	return e
}

// noteRoute tells the outer handler which route was taken: a label that clients can't invent.
func noteRoute(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r, ok := c.Response().Writer.(*recorder); ok {
			r.route = c.Path()
		}
		return next(c)
	}
}

// bounded ends the request's context after requestTimeout.
func bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), requestTimeout)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}
