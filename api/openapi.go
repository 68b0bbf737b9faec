package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"gopkg.in/yaml.v3"
)

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
	h := c.Response().Header()
	h.Set("Cache-Control", "no-cache")
	etag := etagOf(document)
	h.Set("ETag", etag)
	if matchesETag(c.Request().Header.Values("If-None-Match"), etag) {
		return c.NoContent(http.StatusNotModified)
	}
	h.Set("Content-Length", strconv.Itoa(len(document)))
	return c.Blob(http.StatusOK, mediaType, document)
}
