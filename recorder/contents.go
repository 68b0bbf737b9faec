package recorder

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/internal/atomicfile"
)

const (
	short            = 16 << 10 // the longest content, in bytes, that is kept in the database: a file of its own would cost more
	shortPlaylist    = 1 << 20  // that of playlists, which people look for in the database
	longestExtension = 6        // that of a file name that is taken over, with its dot
)

type content struct {
	id  int64 // 0 for nothing
	sum [sha256.Size]byte
}

// contentOf is a content that was not stored.
func contentOf(b []byte) content {
	if len(b) == 0 {
		return content{}
	}
	return content{sum: sha256.Sum256(b)}
}

// store stores a body, unless it is stored already. A transaction that is rolled back may leave a file without a row, which the
// next equal content reuses.
func (w *writer) store(e *hlsclient.Exchange) (content, error) {
	if e.Size() == 0 {
		return content{}, nil
	}
	r, err := e.Open()
	if err != nil {
		return content{}, err
	}
	defer r.Close()
	limit := short
	if e.Resource == hlsclient.ResourcePlaylist {
		limit = shortPlaylist
	}
	return w.storeBody(r, limit, extension(e.URL))
}

// storeBody stores a content: in the database if it has at most limit bytes, else in a file whose name ends with ext.
func (w *writer) storeBody(r io.ReadSeeker, limit int, ext string) (content, error) {
	var c content
	hash := sha256.New()
	size, err := io.Copy(hash, r)
	if err != nil {
		return c, err
	}
	hash.Sum(c.sum[:0])
	var file string
	err = w.find(`SELECT id, COALESCE(file, '') FROM bodies WHERE sha256 = ?`, []any{&c.id, &file}, c.sum[:])
	if err != nil {
		return c, err
	}
	if c.id != 0 {
		return c, w.restore(file, r, size)
	}
	if size <= int64(limit) {
		data := make([]byte, size)
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return c, err
		}
		if _, err := io.ReadFull(r, data); err != nil {
			return c, err
		}
		c.id, err = w.insert(`INSERT INTO bodies (sha256, bytes, data) VALUES (?, ?, ?)`, c.sum[:], size, data)
	} else {
		name := hex.EncodeToString(c.sum[:]) + ext
		if err := w.writeChunk(name, r); err != nil {
			return c, err
		}
		c.id, err = w.insert(`INSERT INTO bodies (sha256, bytes, file) VALUES (?, ?, ?)`, c.sum[:], size, name)
	}
	if err == nil {
		w.stored += size
	}
	return c, err
}

// restore writes a chunk once more that was taken away or cut off, since its content is here again.
func (w *writer) restore(file string, r io.ReadSeeker, size int64) error {
	if file == "" || file != filepath.Base(file) {
		return nil
	}
	info, err := os.Lstat(filepath.Join(w.folder.dir, chunksDir, file))
	if err == nil && info.Mode().IsRegular() && info.Size() == size {
		return nil
	}
	return w.writeChunk(file, r)
}

// writeChunk writes a file, whose name appears when it is whole.
func (w *writer) writeChunk(name string, r io.ReadSeeker) error {
	err := atomicfile.Write(filepath.Join(w.folder.dir, chunksDir, name), partPrefix+"*", func(out io.Writer) error {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.Copy(out, r)
		return err
	})
	if err != nil {
		return fmt.Errorf("write chunk: %w", err)
	}
	return nil
}

// extension is that of an address, for people and players: empty where it has none that is plain.
func extension(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	const plain = ".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	if ext := path.Ext(u.Path); len(ext) <= longestExtension && strings.Trim(ext, plain) == "" {
		return ext
	}
	return ""
}

// Body reads a content, nil for 0. One that isn't what was recorded any more is ErrDamaged, never given.
func (s *Session) Body(ctx context.Context, b Body) ([]byte, error) {
	if b == 0 {
		return nil, nil
	}
	data, err := s.body(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("read content %d of session %s: %w", b, s.dir, err)
	}
	return data, nil
}

func (s *Session) body(ctx context.Context, b Body) ([]byte, error) {
	var sum, data []byte
	var file sql.NullString
	var bytes int64
	err := s.db.QueryRowContext(ctx, `SELECT sha256, bytes, data, file FROM bodies WHERE id = ?`, int64(b)).
		Scan(&sum, &bytes, &data, &file)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, errors.New("there is none")
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, explain(err)
	}
	if file.Valid {
		if data, err = s.chunk(file.String, bytes); err != nil {
			return nil, err
		}
	}
	if got := sha256.Sum256(data); int64(len(data)) != bytes || !slices.Equal(got[:], sum) {
		return nil, fmt.Errorf("%w: it is not what was recorded", ErrDamaged)
	}
	return data, nil
}

func (s *Session) chunk(name string, bytes int64) ([]byte, error) {
	if name == "" || name != filepath.Base(name) || !filepath.IsLocal(name) { // sessions come from others, too
		return nil, fmt.Errorf("%w: %q is no name of a chunk", ErrDamaged, name)
	}
	path := filepath.Join(s.dir, chunksDir, name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() != bytes:
		return nil, fmt.Errorf("%w: %s has %d bytes, not %d", ErrDamaged, path, info.Size(), bytes)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, bytes)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", ErrDamaged, path, err)
	}
	return data, nil
}
