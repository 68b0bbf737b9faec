package recorder

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// execute changes the database of a session.
func execute(t *testing.T, dir, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}

// write writes a file, after its folder.
func write(t *testing.T, data []byte, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// readAll reads everything of a session.
func readAll(ctx context.Context, dir string) error {
	s, err := Open(ctx, dir)
	if err != nil {
		return err
	}
	defer s.Close()
	playlists, err := s.Playlists(ctx)
	if err != nil {
		return err
	}
	for _, p := range playlists {
		if _, err := all(s.Versions(ctx, p.ID)); err != nil {
			return err
		}
		if _, err := all(s.Segments(ctx, p.ID)); err != nil {
			return err
		}
		if _, err := all(s.Outcomes(ctx, p.URL)); err != nil {
			return err
		}
	}
	if _, err := all(s.Troubles(ctx)); err != nil {
		return err
	}
	if _, err := s.Runs(ctx); err != nil {
		return err
	}
	for e, err := range s.Exchanges(ctx) {
		if err != nil {
			return err
		}
		if _, err := s.Body(ctx, e.Body); err != nil {
			return err
		}
	}
	return nil
}

// TestBroken opens what is no session, or a damaged one: each is an error that says what is wrong, and none is read.
func TestBroken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		is   error  // nil for any
		want string // of the error
		do   func(t *testing.T, dir string) (open string)
	}{
		{"missing", ErrNoSession, ": sample", func(_ *testing.T, dir string) string { return dir + "x" }},
		{"the folder of sessions", ErrNoSession, "holds no session.db; sessions in", func(_ *testing.T, dir string) string {
			return filepath.Dir(dir)
		}},
		{"empty folder", ErrNoSession, ": sample", func(t *testing.T, dir string) string {
			if err := os.Mkdir(dir+"2", 0o755); err != nil {
				t.Fatal(err)
			}
			return dir + "2"
		}},
		{"the file", ErrNoSession, "it is a file", func(_ *testing.T, dir string) string { return filepath.Join(dir, databaseFile) }},
		{"empty file", ErrNoSession, "is empty", func(t *testing.T, dir string) string {
			write(t, nil, dir, databaseFile)
			return dir
		}},
		{"another file", ErrDamaged, "no SQLite file", func(t *testing.T, dir string) string {
			write(t, []byte(strings.Repeat("text ", 1000)), dir, databaseFile)
			return dir
		}},
		{"another database", nil, "application_id 7", func(t *testing.T, dir string) string {
			execute(t, dir, `PRAGMA application_id = 7`)
			return dir
		}},
		{"newer", nil, "update this one", func(t *testing.T, dir string) string {
			execute(t, dir, `PRAGMA user_version = 2`)
			return dir
		}},
		{"cut off", ErrDamaged, "", func(t *testing.T, dir string) string {
			if err := os.Truncate(filepath.Join(dir, databaseFile), 20000); err != nil {
				t.Fatal(err)
			}
			return dir
		}},
		{"damaged pages", ErrDamaged, "", func(t *testing.T, dir string) string {
			data := must[[]byte](t)(os.ReadFile(filepath.Join(dir, databaseFile)))
			for i := 3 * 4096; i < len(data); i++ {
				data[i] ^= 0x55
			}
			write(t, data, dir, databaseFile)
			return dir
		}},
		{"no address", ErrDamaged, "name its stream", func(t *testing.T, dir string) string {
			execute(t, dir, `DELETE FROM session`)
			return dir
		}},
		{"a chunk with another byte", ErrDamaged, "not what was recorded", func(t *testing.T, dir string) string {
			name := chunk(t, dir)
			data := must[[]byte](t)(os.ReadFile(name))
			data[len(data)/2]++
			write(t, data, name)
			return dir
		}},
		{"a chunk that is cut off", ErrDamaged, "bytes, not", func(t *testing.T, dir string) string {
			if err := os.Truncate(chunk(t, dir), 100); err != nil {
				t.Fatal(err)
			}
			return dir
		}},
		{"no chunk", ErrDamaged, "no such file", func(t *testing.T, dir string) string {
			os.Remove(chunk(t, dir))
			return dir
		}},
		{"a chunk elsewhere", ErrDamaged, "no name of a chunk", func(t *testing.T, dir string) string {
			execute(t, dir, `UPDATE bodies SET file = '../../'||file WHERE file IS NOT NULL`)
			return dir
		}},
		{"a changed row", ErrDamaged, "not what was recorded", func(t *testing.T, dir string) string {
			execute(t, dir, `UPDATE bodies SET data = CAST(replace(CAST(data AS TEXT), 'short', 'SHORT') AS BLOB) WHERE data IS NOT NULL`)
			return dir
		}},
		{"a header", ErrDamaged, "header of exchange 2", func(t *testing.T, dir string) string {
			execute(t, dir, `UPDATE exchanges SET headers = '[' WHERE id = 2`)
			return dir
		}},
		{"no table", ErrDamaged, "open session", func(t *testing.T, dir string) string {
			execute(t, dir, `DROP TABLE troubles`)
			return dir
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := sample(t)
			if err := readAll(t.Context(), dir); err != nil {
				t.Fatal(err)
			}
			open := c.do(t, dir)
			err := readAll(t.Context(), open)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), open) {
				t.Errorf("error %v", err)
			}
			if c.is == nil && errors.Is(err, ErrNoSession) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// chunk is the name of a file of a session's chunks.
func chunk(t *testing.T, dir string) string {
	t.Helper()
	list := must[[]os.DirEntry](t)(os.ReadDir(filepath.Join(dir, chunksDir)))
	if len(list) == 0 {
		t.Fatal("no chunks")
	}
	return filepath.Join(dir, chunksDir, list[0].Name())
}

// TestCopy reads a session that was copied elsewhere, after the original has gone, and leaves it as it was.
func TestCopy(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	want := contents(t, opened(t, dir))
	to := filepath.Join(t.TempDir(), "copy ?#%41")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, to)
	s, err := Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	if got := contents(t, s); len(got) != 3 || len(got) != len(want) {
		t.Errorf("%d contents", len(got))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	// It was open while it was copied: what SQLite put beside it is gone.
	if got := tree(t, to); !strings.Contains(before, "session.db-wal") || got+" " !=
		strings.NewReplacer("session.db-shm ", "", "session.db-wal ", "").Replace(before+" ") {
		t.Errorf("files %s, before %s", got, before)
	}
}

// TestCancel ends reading with the context.
func TestCancel(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	s := opened(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
	if _, err := all(s.Exchanges(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("Exchanges: %v", err)
	}
	if _, err := s.Body(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Body: %v", err)
	}
	n := 0
	for range s.Exchanges(t.Context()) {
		n++
		break
	}
	if _, err := s.Body(t.Context(), 99); err == nil || n != 1 {
		t.Errorf("Body 99: %v", err)
	}
}
