package api

import "github.com/labstack/echo/v4"

// getPage lets the page answer. What it does not have either is an error, so that it is answered like every other.
func (s *Server) getPage(c echo.Context) error {
	if s.cfg.Page == nil {
		return notFound("there is nothing here: /openapi.yaml lists what there is")
	}
	guard := &errorGuard{ResponseWriter: c.Response().Writer}
	s.cfg.Page.ServeHTTP(guard, c.Request())
	if err := guard.problem(); err != nil {
		return err
	}
	if r, ok := c.Response().Writer.(*recorder); ok {
		r.route = "/" // all files of the page count as one route
	}
	c.Response().Committed = true
	return nil
}
