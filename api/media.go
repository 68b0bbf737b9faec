package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
)

const (
	// segmentCaching: a segment never changes while its stream goes on. The age is an hour, not a year, because a data
	// directory that was reset begins again with the same names.
	segmentCaching = "public, max-age=3600, immutable"
	// maxPlaylist bounds what is read into memory: a day of segments of 2 s has 5 MB.
	maxPlaylist = 16 << 20
)

// getPublished answers GET /hls/{channel}/{file}. Only names that the stream publishes are known, and they are opened
// below the channel's directory, which no name and no symbolic link leads out of.
func (s *Server) getPublished(c echo.Context) error {
	channel, name := c.Param("channel"), c.Param("file")
	media := packager.ContentType(name)
	if markers.CheckChannelName(channel) != nil || media == "" {
		return notFound("there is no such file")
	}
	dir := s.cfg.HLSDir(channel)
	if dir == "" {
		return notFound("there is no channel %q", channel)
	}
	f, info, err := openBelow(dir, name)
	if err != nil {
		return err
	}
	defer f.Close() // it is read only
	if media == packager.PlaylistType {
		return answerPlaylist(c, f, name)
	}
	h := c.Response().Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", segmentCaching)
	h.Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	return answerBy(c, func(w http.ResponseWriter) { http.ServeContent(w, c.Request(), name, info.ModTime(), f) })
}

// openBelow opens a regular file. It is looked up anew each time: a directory that was made again is another one.
func openBelow(dir, name string) (*os.File, fs.FileInfo, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fileProblem(err)
	}
	defer root.Close()
	// A named pipe must not block the request: it is refused below.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fileProblem(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, fileProblem(err)
	}
	return f, info, nil
}

// fileProblem tells a file that is not there from one that can't be read.
func fileProblem(err error) error {
	// os.Root refuses a link that leads out with an error of its own, which has no name; it is not for clients either.
	var path *fs.PathError
	var system syscall.Errno
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &path) && !errors.As(path.Err, &system) {
		return notFound("there is no such file")
	}
	return fmt.Errorf("open published file: %w", err)
}

// answerPlaylist reads the file whole: the writer replaces it at any time, and the validator is that of its bytes.
func answerPlaylist(c echo.Context, f io.Reader, name string) error {
	b, err := io.ReadAll(io.LimitReader(f, maxPlaylist))
	if err != nil {
		return fmt.Errorf("read playlist: %w", err)
	}
	h := c.Response().Header()
	h.Set("Content-Type", packager.PlaylistType)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", etagOf(b))
	return answerBy(c, func(w http.ResponseWriter) { http.ServeContent(w, c.Request(), name, time.Time{}, bytes.NewReader(b)) })
}

// liveRoute is that of the endless streams.
const liveRoute = "/live/:file"

// liveBuffer is how much of a live stream the kernel may hold for a client, in bytes: half a second at 4 Mbit/s. Left to
// itself it grows to some megabytes, and it would take long to see that a client has stopped reading.
const liveBuffer = 256 << 10

// connKey finds a request's connection in its context.
type connKey struct{}

// noBody refuses a request that announces a body: the answer without end would wait for it first, and without a limit.
func noBody(r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	return badField("Content-Length", "a stream takes no request body: leave it out")
}

// getLive answers GET /live/{channel}.ts and .flv: an endless stream, from the newest complete GOP on. Its handler keeps
// its own time limits.
func (s *Server) getLive(c echo.Context) error {
	name, format, ok := strings.Cut(c.Param("file"), ".")
	if !ok || format != "ts" && format != "flv" {
		return notFound("there is nothing here: live streams are /live/{channel}.ts and /live/{channel}.flv")
	}
	var live http.Handler
	if s.cfg.Live != nil {
		live = s.cfg.Live(name, format)
	}
	if live == nil {
		if _, err := s.cfg.Store.Channel(c.Request().Context(), name); err != nil {
			return err
		}
		return notFound("the live stream comes from the process that generates the channel, which is another one: ask there")
	}
	if conn, ok := c.Request().Context().Value(connKey{}).(interface{ SetWriteBuffer(int) error }); ok {
		_ = conn.SetWriteBuffer(liveBuffer) // without it the stream flows as well
	}
	if err := noBody(c.Request()); err != nil {
		return err
	}
	err := answerBy(c, func(w http.ResponseWriter) { live.ServeHTTP(w, c.Request()) })
	var p *Problem
	if errors.As(err, &p) && p.Status == http.StatusServiceUnavailable {
		return tryLater(p.Status, clientsRetry, "all places for live streams are taken")
	}
	return err
}

// tidyRange takes out of a request a Range that is to be ignored (RFC 9110, 14.2): one in a unit other than bytes, and one that
// can't be read. net/http refuses both. What it leaves has the form that net/http takes.
func tidyRange(r *http.Request) {
	list := r.Header.Values("Range")
	if len(list) == 0 {
		return
	}
	tidy, ok := "", false
	if len(list) == 1 {
		tidy, ok = parseRange(list[0])
	}
	if !ok {
		r.Header.Del("Range")
		return
	}
	r.Header.Set("Range", tidy)
}

// parseRange reads ranges of bytes (RFC 9110, 14.1.2) and writes them with numbers that fit an int64.
func parseRange(text string) (tidy string, ok bool) {
	const unit = "bytes="
	if len(text) < len(unit) || !strings.EqualFold(text[:len(unit)], unit) {
		return "", false
	}
	var out []string
	for element := range strings.SplitSeq(text[len(unit):], ",") {
		if element = strings.Trim(element, " \t"); element == "" {
			continue // RFC 9110, 5.6.1.2
		}
		first, last, dash := strings.Cut(element, "-")
		if !dash || strings.Trim(first+last, "0123456789") != "" || first+last == "" {
			return "", false
		}
		first, last = fitting(first), fitting(last)
		switch {
		case first == "" && last == "0":
			first, last = beyond, "" // no bytes: nothing satisfies that
		case first != "" && last != "" && (len(last) < len(first) || len(last) == len(first) && last < first):
			return "", false
		}
		out = append(out, first+"-"+last)
	}
	return unit + strings.Join(out, ","), len(out) > 0
}

// beyond is behind the end of every file.
const beyond = "999999999999999999"

// fitting is a number of digits alone without leading zeros, no larger than beyond; empty stays empty.
func fitting(digits string) string {
	if digits == "" {
		return ""
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return "0"
	}
	if len(digits) > len(beyond) {
		return beyond
	}
	return digits
}
