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
)

const (
	playlistType = "application/vnd.apple.mpegurl" // RFC 8216, 4
	segmentType  = "video/mp2t"
	// segmentCaching: a segment never changes while its stream goes on. The age is an hour, not a year, because a data
	// directory that was reset begins again with the same names.
	segmentCaching = "public, max-age=3600, immutable"
	// maxPlaylist bounds what is read into memory: a day of segments of 2 s has 5 MB.
	maxPlaylist = 16 << 20
)

// isSegment says whether name is one that a segment can have: seg-, letters, digits, '-' and '_', .ts.
func isSegment(name string) bool {
	body, isTS := strings.CutSuffix(name, ".ts")
	body, isSeg := strings.CutPrefix(body, "seg-")
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return isTS && isSeg && body != "" && len(name) <= 128 && strings.Trim(body, allowed) == ""
}

// getPublished answers GET /hls/{channel}/{file}. Only names that the stream publishes are known, and they are opened
// below the channel's directory, which no name and no symbolic link leads out of.
func (s *Server) getPublished(c echo.Context) error {
	channel, name := c.Param("channel"), c.Param("file")
	playlist := name == "index.m3u8" || name == "master.m3u8"
	if markers.CheckChannelName(channel) != nil || !playlist && !isSegment(name) {
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
	if playlist {
		return answerPlaylist(c, f, name)
	}
	h := c.Response().Header()
	h.Set("Content-Type", segmentType)
	h.Set("Cache-Control", segmentCaching)
	h.Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	return serve(c, name, info.ModTime(), f)
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
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &path) && !isSystemError(path.Err) {
		return notFound("there is no such file")
	}
	return fmt.Errorf("open published file: %w", err)
}

func isSystemError(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno)
}

// answerPlaylist reads the file whole: the writer replaces it at any time, and the validator is that of its bytes.
func answerPlaylist(c echo.Context, f io.Reader, name string) error {
	b, err := io.ReadAll(io.LimitReader(f, maxPlaylist))
	if err != nil {
		return fmt.Errorf("read playlist: %w", err)
	}
	h := c.Response().Header()
	h.Set("Content-Type", playlistType)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", etagOf(b))
	return serve(c, name, time.Time{}, bytes.NewReader(b))
}

// serve answers with a file: ranges, conditions and HEAD.
func serve(c echo.Context, name string, modified time.Time, content io.ReadSeeker) error {
	// The writers below echo's hand a file to the kernel.
	guard := &errorGuard{ResponseWriter: c.Response().Writer}
	http.ServeContent(guard, c.Request(), name, modified, content)
	if err := guard.problem(); err != nil {
		return err
	}
	c.Response().Committed = true
	return nil
}
