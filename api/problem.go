package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/markers"
)

// Problem is an error document (RFC 9457). It is also the error that handlers return.
type Problem struct {
	// Type is about:blank: the status says all there is to the kind of problem.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Field names the parameter, header or member that is wrong.
	Field string `json:"field,omitempty"`
	// Reason is why a post is refused, for programs.
	Reason string `json:"reason,omitempty"`

	// retryAfter becomes a Retry-After header, in whole seconds rounded up.
	retryAfter time.Duration
	// challenge becomes a WWW-Authenticate header.
	challenge string
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// refusal is a problem that names the field that is wrong.
func refusal(status int, field, format string, args ...any) *Problem {
	return &Problem{Status: status, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// badField is a 400 that names what is wrong.
func badField(field, format string, args ...any) *Problem {
	return refusal(http.StatusBadRequest, field, format, args...)
}

// tryLater is a problem that is over after a time.
func tryLater(status int, after time.Duration, format string, args ...any) *Problem {
	return &Problem{Status: status, retryAfter: after, Detail: fmt.Sprintf(format, args...)}
}

// notFound is a 404.
func notFound(format string, args ...any) *Problem {
	return &Problem{Status: http.StatusNotFound, Detail: fmt.Sprintf(format, args...)}
}

// nothingHere is the 404 of an address.
func nothingHere() *Problem {
	return notFound("there is nothing here: /openapi.yaml lists what there is")
}

// problemOf is the one place where errors become HTTP statuses. The second result is true where the error is a fault
// of the server, for the log; its text is not for clients.
func problemOf(err error) (p *Problem, fault bool) {
	var he *echo.HTTPError
	var missing delivery.NotFoundError
	switch {
	case errors.As(err, &p):
		return p, false
	case errors.As(err, &missing):
		return notFound("%s", missing), false
	case errors.Is(err, markers.ErrUnavailable):
		return tryLater(http.StatusServiceUnavailable, time.Second, "the store can't be reached just now"), true
	case errors.Is(err, markers.ErrNotFound):
		return notFound("there is no such channel"), false
	case errors.Is(err, context.DeadlineExceeded):
		return tryLater(http.StatusServiceUnavailable, time.Second, "the answer took too long"), true
	case errors.Is(err, context.Canceled):
		// The client has gone, or the server is about to.
		return &Problem{Status: http.StatusServiceUnavailable, Detail: "the request was given up"}, false
	case errors.As(err, &he) && he.Code == http.StatusNotFound:
		return nothingHere(), false
	case errors.As(err, &he) && he.Code == http.StatusMethodNotAllowed:
		return &Problem{Status: he.Code, Detail: "the method is not allowed here: the Allow header says which are"}, false
	}
	return &Problem{Status: http.StatusInternalServerError, Detail: "the server could not answer"}, true
}

// answerError writes the problem document of an error; what no route knows goes to the page first.
func (s *Server) answerError(err error, c echo.Context) {
	r := c.Request()
	if errors.Is(err, echo.ErrNotFound) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		if err = s.getPage(c); err == nil {
			return
		}
	}
	p, fault := problemOf(err)
	if fault {
		s.cfg.Logger.WarnContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path,
			"status", p.Status, "error", err)
	}
	if c.Response().Committed {
		return // it is too late to say so
	}
	writeProblem(c.Response(), r, p)
}

// writeProblem writes p, with the headers that describe an answer that was not to be taken back.
func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	doc := *p
	doc.Type, doc.Title = "about:blank", http.StatusText(p.Status)
	body, _ := json.Marshal(doc) // a struct of strings and an int always encodes
	h := w.Header()
	for _, k := range []string{"ETag", "Last-Modified", "Content-Encoding", "Content-Disposition", "Location"} {
		h.Del(k)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((p.retryAfter+time.Second-1)/time.Second), 10))
	}
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may have gone
	}
}
