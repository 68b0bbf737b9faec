package api

import (
	"io"
	"net/http"
	"strings"
)

// errorGuard holds an error answer back, so that it can be given as a problem document. One in HTML is meant for people
// and passes.
type errorGuard struct {
	http.ResponseWriter
	// held is the status of the answer held back, 0 where there is none.
	held  int
	wrote bool
}

// WriteHeader passes on what is not an error.
func (g *errorGuard) WriteHeader(status int) {
	switch {
	case g.wrote || g.held != 0:
	case status >= http.StatusBadRequest && !strings.HasPrefix(g.Header().Get("Content-Type"), "text/html"):
		g.held = status
	default:
		g.wrote = status >= http.StatusOK
		g.ResponseWriter.WriteHeader(status)
	}
}

// Write drops the body of an error.
func (g *errorGuard) Write(b []byte) (int, error) {
	if g.held != 0 {
		return len(b), nil
	}
	g.wrote = true
	return g.ResponseWriter.Write(b)
}

// ReadFrom hands a file on to the kernel.
func (g *errorGuard) ReadFrom(src io.Reader) (int64, error) {
	if g.held != 0 {
		return io.Copy(io.Discard, src)
	}
	g.wrote = true
	return io.Copy(g.ResponseWriter, src)
}

// Unwrap lets http.ResponseController reach the connection.
func (g *errorGuard) Unwrap() http.ResponseWriter { return g.ResponseWriter }

// problem is the error answer that was held back, nil where there is none.
func (g *errorGuard) problem() error {
	switch g.held {
	case 0:
		return nil
	case http.StatusNotFound:
		return notFound("there is nothing here: /openapi.yaml lists what there is")
	case http.StatusRequestedRangeNotSatisfiable:
		return &Problem{Status: g.held, Field: "Range", Detail: "the range lies outside the file"}
	}
	return &Problem{Status: g.held, Detail: "the request can't be answered: " + http.StatusText(g.held)}
}
