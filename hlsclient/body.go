package hlsclient

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	// readStep is the first allocation for a body, or less where Content-Length is shorter. It grows to at most four times what
	// was received: a server that announces much and sends little costs little.
	readStep = 64 << 10
	// maxInMemory is the longest segment kept in memory, 6 s at 5 Mbit/s. Longer ones go to temporary files.
	maxInMemory  = 4 << 20
	spoolName    = ".part-hls-"
	defaultSpool = 1 << 30 // bounds the temporary files: four segments of the greatest length
)

// Spool is a body too long for memory, in a temporary file. The file exists until the Handler's function returns: that for the
// Exchange, or for the Segment that the Exchange belongs to.
type Spool struct {
	path     string
	at, size int64 // where it begins in the file, and how long it is
}

// Reader reads a body; it can go back and forth in it.
type Reader struct {
	*io.SectionReader
	file *os.File // nil for one in memory
}

// Close ends the reading.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// content is a body, or a part of one: in memory, or in a file.
type content struct {
	data  []byte
	spool *Spool
}

func (c content) size() int64 {
	if c.spool != nil {
		return c.spool.size
	}
	return int64(len(c.data))
}

func (c content) from(at int64) content {
	if c.spool != nil {
		return content{spool: &Spool{c.spool.path, c.spool.at + at, c.spool.size - at}}
	}
	return content{data: c.data[at:]}
}

func (c content) open() (*Reader, error) {
	if c.spool == nil {
		return &Reader{io.NewSectionReader(bytes.NewReader(c.data), 0, int64(len(c.data))), nil}, nil
	}
	f, err := os.Open(c.spool.path)
	if err != nil {
		return nil, fmt.Errorf("read temporary file: %w", err)
	}
	return &Reader{io.NewSectionReader(f, c.spool.at, c.spool.size), f}, nil
}

// Size is the length of the body in bytes.
func (e *Exchange) Size() int64 { return content{e.Body, e.Spool}.size() }

// Open opens the body, in memory or on disk. The caller closes the reader.
func (e *Exchange) Open() (*Reader, error) { return content{e.Body, e.Spool}.open() }

// Size is the length of the segment, decrypted.
func (s *Segment) Size() int64 { return content{s.Data, s.Spool}.size() }

// Open reads the segment, decrypted, wherever it is. The reader must be closed.
func (s *Segment) Open() (*Reader, error) { return content{s.Data, s.Spool}.open() }

// readBody reads a body of at most limit bytes; an error is returned with what was read before it. announced is its expected
// length, negative where not known. With file set, a long body goes to a temporary file. The memory used is noted in e.
func (r *reading) readBody(e *Exchange, body io.Reader, announced, limit int64, file bool) (content, error) {
	whole := min(announced, limit) + 1 // to see the end without more room
	size := min(readStep, limit+1)
	if announced >= 0 {
		size = min(size, whole)
	}
	var b []byte
	for {
		if n := int64(len(b)); len(b) == cap(b) {
			if n > 0 {
				size = min(n+max(min(3*n, whole-n), n, 512), limit+1)
			}
			if file && (max(size-1, announced) > maxInMemory || !r.memory.take(size, forPlaylists)) {
				return r.spoolBody(e, b, body, limit)
			}
			if !file && !r.memory.take(size, 0) {
				return content{data: b}, errNoRoom
			}
			b = append(make([]byte, 0, size), b...)
			r.memory.give(e.held)
			e.held = size
		}
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return content{data: b[:limit]}, tooLong(limit)
		case errors.Is(err, io.EOF):
			return content{data: b}, nil
		case err != nil:
			return content{data: b}, err
		}
	}
}

func tooLong(limit int64) error { return fmt.Errorf("it is longer than %d bytes", limit) }

// spoolBody reads the rest of a body into a file, after start was read.
func (r *reading) spoolBody(e *Exchange, start []byte, body io.Reader, limit int64) (content, error) {
	w, err := r.newSpool()
	if err != nil {
		return content{data: start}, err
	}
	if _, err = w.Write(start); err == nil {
		r.memory.give(e.held)
		e.held = 0
		_, err = io.Copy(w, io.LimitReader(body, limit+1-int64(len(start))))
	}
	if err == nil && w.spool.size > limit {
		w.spool.size, err = limit, tooLong(limit)
	}
	return content{spool: w.spool}, cmp.Or(err, w.file.Close())
}

type spoolWriter struct {
	r     *reading
	file  *os.File
	spool *Spool
}

func (r *reading) newSpool() (*spoolWriter, error) {
	f, err := os.CreateTemp(r.c.SpoolDir, spoolName+"*")
	if err != nil {
		return nil, fmt.Errorf("write temporary file: %w", err)
	}
	r.spooling.Lock()
	defer r.spooling.Unlock()
	r.spools[f.Name()] = 0
	return &spoolWriter{r, f, &Spool{path: f.Name()}}, nil
}

func (w *spoolWriter) Write(b []byte) (int, error) {
	if err := w.r.growSpool(w.spool, int64(len(b))); err != nil {
		return 0, err
	}
	n, err := w.file.Write(b)
	w.spool.size += int64(n)
	if err != nil {
		err = fmt.Errorf("write temporary file: %w", err)
	}
	return n, err
}

func (r *reading) growSpool(s *Spool, n int64) error {
	r.spooling.Lock()
	defer r.spooling.Unlock()
	if most := cmp.Or(r.c.MaxSpool, defaultSpool); most > 0 && r.spooled+n > most {
		return fmt.Errorf("there is no room for it: temporary files have %d bytes already, of %d", r.spooled, most)
	}
	r.spooled += n
	r.spools[s.path] += n
	return nil
}

// removeSpool removes a temporary file, unless it was.
func (r *reading) removeSpool(s *Spool) {
	if s == nil {
		return
	}
	r.spooling.Lock()
	defer r.spooling.Unlock()
	if n, ok := r.spools[s.path]; ok {
		r.spooled -= n
		delete(r.spools, s.path)
		os.Remove(s.path)
	}
}

func (r *reading) removeSpools() {
	r.spooling.Lock()
	defer r.spooling.Unlock()
	for path := range r.spools {
		os.Remove(path)
	}
	clear(r.spools)
}

// release frees what an answer takes, after the handler has seen it.
func (r *reading) release(e *Exchange) {
	if e == nil {
		return
	}
	r.memory.give(e.held)
	e.held = 0
	r.removeSpool(e.Spool)
}
