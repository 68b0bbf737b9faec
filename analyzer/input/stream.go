package input

import (
	"bufio"
	"io"
	"net/http"
)

// readSize is how much is asked of a connection at once: a Linux pipe's usual capacity.
const readSize = 64 << 10

// Stream is an open stream of bytes.
type Stream struct {
	*bufio.Reader
	// Kind is what its first bytes show.
	Kind Kind
	// Finite says that the stream has an end after which nothing can follow.
	Finite bool
	// Through says how the bytes come, for people.
	Through string

	body io.ReadCloser
	// playlist says that it is a compressed playlist, which is read anew.
	playlist bool
	// tail is the file that may be read as it grows, nil for what isn't one.
	tail *tailFile
}

// Open opens the stream at an address and finds its kind. It ends with w's context.
func Open(w *Watchdog, t Target, client *http.Client) (*Stream, error) {
	s, err := connect(w, t, client)
	if err != nil {
		return nil, err
	}
	var r io.Reader = s.body
	if s.tail == nil {
		r = &watchedReader{w, r}
	} else {
		w.Working() // a file has no silence to it
	}
	s.Reader = bufio.NewReaderSize(r, readSize)
	if s.playlist {
		return s, nil
	}
	if s.Kind, err = sniff(s.Reader, s.Kind); err != nil {
		s.Close()
		return nil, w.Explain(err)
	}
	return s, nil
}

// Close closes the stream.
func (s *Stream) Close() error { return s.body.Close() }

// FollowFile has a file read as it grows; stalled is called each time that it has not grown for too long.
func (s *Stream) FollowFile(stalled func()) {
	if s.tail != nil {
		s.Finite, s.tail.follow, s.tail.stalled = false, true, stalled
	}
}

// Regular is the size of the regular file that the stream is, if it is one.
func (s *Stream) Regular() (size int64, ok bool) {
	if s.tail == nil {
		return 0, false
	}
	info, err := s.tail.f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// Seekable is the whole stream: of a file the file itself, in which a reader can go back and forth.
func (s *Stream) Seekable() io.Reader {
	if s.tail != nil {
		if _, err := s.tail.f.Seek(0, io.SeekStart); err == nil {
			return s.tail.f.File
		}
	}
	return s
}
