package recorder

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

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

// chunk reads a file of the folder chunks.
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
