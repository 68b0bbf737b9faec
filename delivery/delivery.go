// Package delivery serves over HTTP what a packager has published: the playlists and segments of HLS (RFC 8216), with
// validators and ranges of bytes (RFC 9110, 8.8 and 14) and for how long caches may keep them (RFC 9111, 5.2).
//
// What a name is, a [Resource], is apart from how it is sent: other bytes for the same name are another Resource.
package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
)

const (
	// segmentCaching: a segment never changes while its stream goes on. The age is an hour, not a year, because a data
	// directory that was reset begins again with the same names.
	segmentCaching = "public, max-age=3600, immutable"
	// maxPlaylist bounds what is read into memory, in bytes: a day of segments of 2 s has 5 MB.
	maxPlaylist = 16 << 20
)

// NotFoundError is that there is no such resource. Its text is for the client.
type NotFoundError string

// Error is the text.
func (e NotFoundError) Error() string { return string(e) }

const noFile = NotFoundError("there is no such file")

// Publications are the published files of channels, in a directory each. A packager may write them meanwhile, in this process or
// another one.
type Publications struct {
	// Dir is the directory of a channel's published files, or empty where there is none. The name it is given
	// consists of letters, digits, '.', '_' and '-' and does not begin with a '.'.
	Dir func(channel string) string
}

// Resource is one published file, and what the headers of an answer have of it.
type Resource struct {
	// Content is an *os.File, so that the kernel can send it, or in memory.
	Content io.ReadSeeker
	// ContentType, CacheControl and ETag are the values of those headers.
	ContentType, CacheControl, ETag string
	// Modified becomes Last-Modified. The zero time: there is no such header.
	Modified time.Time
}

// Open finds a file of a channel, which the caller closes. Only names that a stream publishes are known, and they are opened
// below the channel's directory, which no name and no symbolic link leads out of.
//
// The error is a NotFoundError, or that a file can't be read, with its path.
func (p Publications) Open(channel, name string) (*Resource, error) {
	media := packager.ContentType(name)
	if markers.CheckChannelName(channel) != nil || media == "" {
		return nil, noFile
	}
	dir := p.Dir(channel)
	if dir == "" {
		return nil, NotFoundError(fmt.Sprintf("there is no channel %q", channel))
	}
	f, info, err := openBelow(dir, name)
	if err != nil {
		return nil, fileProblem(err)
	}
	if !packager.IsPlaylist(name) {
		etag := fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size())
		return &Resource{f, media, segmentCaching, etag, info.ModTime()}, nil
	}
	defer f.Close() // it is read only
	// It is read whole: the writer replaces it at any time, and the validator is that of its bytes.
	b, err := io.ReadAll(io.LimitReader(f, maxPlaylist))
	if err != nil {
		return nil, fmt.Errorf("read playlist: %w", err)
	}
	return &Resource{Content: bytes.NewReader(b), ContentType: media, CacheControl: "no-cache", ETag: ETag(b)}, nil
}

// Close closes the file, where it is open.
func (r *Resource) Close() {
	if f, ok := r.Content.(io.Closer); ok {
		_ = f.Close() // it is read only
	}
}

// Send answers a GET or HEAD, in all or in part: as net/http does, but that a Range which is to be ignored is.
func (r *Resource) Send(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h.Set("Content-Type", r.ContentType)
	h.Set("Cache-Control", r.CacheControl)
	h.Set("ETag", r.ETag)
	TidyRange(req)
	http.ServeContent(w, req, "", r.Modified, r.Content)
}

// ETag is a validator of a body: not secret, only different when the body is.
func ETag(body []byte) string {
	h := fnv.New128a()
	_, _ = h.Write(body) // never fails
	return fmt.Sprintf(`"%x"`, h.Sum(nil))
}

// openBelow opens a regular file. It is looked up anew each time: a directory that was made again is another one.
func openBelow(dir, name string) (*os.File, fs.FileInfo, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	// A named pipe must not block the request: it is refused below.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		_ = f.Close()
	}
	return f, info, err
}

// fileProblem is a NotFoundError where a file is not there, and err where it can't be read.
func fileProblem(err error) error {
	// os.Root refuses a link that leads out with an error of its own, which has no name; it is not for clients either.
	var path *fs.PathError
	var system syscall.Errno
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &path) && !errors.As(path.Err, &system) {
		return noFile
	}
	return fmt.Errorf("open published file: %w", err)
}
