package gaps

import (
	"crypto/sha256"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/refstream/refstream/recorder"
)

// written is a session that is written with the schema alone, row by row, as its description says.
type written struct {
	t   *testing.T
	dir string
	db  *sql.DB
	run int64
	ids map[string]int64 // of addresses and contents

	statements map[string]*sql.Stmt
}

func write(t *testing.T, address string) *written {
	t.Helper()
	schema, err := os.ReadFile("../schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	w := &written{t: t, dir: t.TempDir(), ids: map[string]int64{}, statements: map[string]*sql.Stmt{}}
	u := url.URL{Scheme: "file", Path: filepath.Join(w.dir, "session.db"), RawQuery: "_pragma=foreign_keys(1)&_pragma=synchronous(OFF)"}
	if w.db, err = sql.Open("sqlite", u.String()); err != nil {
		t.Fatal(err)
	}
	w.db.SetMaxOpenConns(1)
	t.Cleanup(func() { w.db.Close() })
	setUp := string(schema) + `; PRAGMA application_id = 0x52656653; PRAGMA user_version = 1`
	if _, err := w.db.Exec(setUp); err != nil {
		t.Fatal(err)
	}
	w.exec(`INSERT INTO session VALUES ('url', ?), ('version', 'test'), ('created', '2026-11-21T15:04:00Z')`, address)
	w.exec(`BEGIN`)
	return w
}

func (w *written) exec(query string, args ...any) int64 {
	w.t.Helper()
	s := w.statements[query]
	if s == nil {
		var err error
		if s, err = w.db.Prepare(query); err != nil {
			w.t.Fatalf("%s: %v", query, err)
		}
		w.statements[query] = s
		w.t.Cleanup(func() { s.Close() })
	}
	r, err := s.Exec(args...)
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	id, err := r.LastInsertId()
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *written) begin(started time.Time) {
	w.run = w.exec(`INSERT INTO runs (started_utc) VALUES (?)`, started.UnixNano())
}

func (w *written) end(at time.Duration, reason string) {
	w.exec(`UPDATE runs SET ended_at = ?, reason = ? WHERE id = ?`, int64(at), reason, w.run)
}

func (w *written) playlist(address string, kind recorder.PlaylistKind, name string) int64 {
	return w.exec(`INSERT INTO playlists (url, kind, name, bandwidth) VALUES (?, ?, ?, 0)`, w.url(address), string(kind), name)
}

func (w *written) url(address string) int64 {
	id := w.ids["url "+address]
	if id == 0 {
		id = w.exec(`INSERT INTO urls (url) VALUES (?)`, address)
		w.ids["url "+address] = id
	}
	return id
}

func (w *written) body(content string) int64 {
	id := w.ids["body "+content]
	if id == 0 {
		sum := sha256.Sum256([]byte(content))
		id = w.exec(`INSERT INTO bodies (sha256, bytes, data) VALUES (?, ?, ?)`, sum[:], len(content), []byte(content))
		w.ids["body "+content] = id
	}
	return id
}

// exchange is a row of exchanges; zero members are what they are mostly.
type exchange struct {
	playlist     int64
	resource     string
	url          string
	msn          int64
	attempt      int
	began, ended time.Duration
	status       int
	body, err    string
}

func (w *written) exchange(e exchange) int64 {
	var playlist, body, reason any
	if e.playlist != 0 {
		playlist = e.playlist
	}
	if e.body != "" {
		body = w.body(e.body)
	}
	if e.err != "" {
		reason = e.err
	}
	if e.status == 0 && e.err == "" {
		e.status = 200
	}
	u := w.url(e.url)
	return w.exec(`INSERT INTO exchanges (run, playlist, resource, url, final_url, msn, attempt, began_at, answered_at, ended_at,
		status, body, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, w.run, playlist, e.resource, u, u, e.msn,
		max(e.attempt, 1), int64(e.began), int64(e.began), int64(e.ended), e.status, body, reason)
}

// open opens what was written.
func (w *written) open() *recorder.Session {
	w.t.Helper()
	w.exec(`COMMIT`)
	s, err := recorder.Open(w.t.Context(), w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { s.Close() })
	return s
}
