package api

import (
	_ "embed"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
)

//go:embed openapi.yaml
var openAPI []byte

// getOpenAPI answers GET /openapi.yaml.
func (s *Server) getOpenAPI(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "no-cache")
	etag := etagOf(openAPI)
	h.Set("ETag", etag)
	if matchesETag(c.Request().Header.Values("If-None-Match"), etag) {
		return c.NoContent(http.StatusNotModified)
	}
	h.Set("Content-Length", strconv.Itoa(len(openAPI)))
	return c.Blob(http.StatusOK, "application/yaml", openAPI)
}
