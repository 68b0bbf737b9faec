package recorder

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/refstream/refstream/internal/redact"
)

// writer writes to a session. It is used by one goroutine at a time.
type writer struct {
	folder *folder
	db     *sql.DB
	conn   *sql.Conn
	// ctx never ends: what was begun to be written is written.
	ctx        context.Context
	info       Info
	resumed    bool // it was there before
	run        int64
	start      time.Time // of the run
	statements map[string]*sql.Stmt
	urls       map[string]int64 // ids of some
	stored     int64            // bytes of contents that were new
}

const cachedURLs = 1024 // how many ids of addresses are kept: those that are requested again and again are far fewer

// openWriter makes a session, or opens one to resume it, and begins a run.
func openWriter(ctx context.Context, o *Options) (*writer, error) {
	f, err := openFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	w := &writer{
		folder: f, ctx: context.WithoutCancel(ctx), statements: map[string]*sql.Stmt{}, urls: map[string]int64{},
	}
	if err := w.open(o); err != nil {
		w.discard()
		_ = w.close()
		return nil, explainWrite(o.Dir, err)
	}
	return w, nil
}

func (w *writer) open(o *Options) (err error) {
	// NORMAL: in WAL mode a killed process loses nothing; a power failure loses the last seconds, but the file stays intact.
	w.db, err = openDatabase(w.folder.dir, "_pragma=busy_timeout(5000)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)")
	if err != nil {
		return err
	}
	if w.conn, err = w.db.Conn(w.ctx); err != nil {
		return err
	}
	empty, err := checkSchema(w.ctx, w.conn)
	if err != nil {
		return err
	}
	if empty {
		if err := w.folder.checkEmpty(); err != nil {
			return err
		}
	}
	if _, err := w.conn.ExecContext(w.ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	w.start = o.Now()
	if empty {
		err = w.create(o)
	} else {
		w.resumed = true
		err = w.resume(o)
	}
	if err != nil {
		return err
	}
	w.run, err = w.insert(`INSERT INTO runs (started_utc) VALUES (?)`, w.start.UnixNano())
	return err
}

func (w *writer) create(o *Options) error {
	if o.URL == "" {
		return errors.New("the address of the stream is missing: there is no session to resume")
	}
	w.info = Info{URL: o.URL, Version: o.Version, Created: w.start.UTC()}
	return w.transact(func() error {
		setUp := fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", schema, applicationID, schemaVersion)
		if _, err := w.conn.ExecContext(w.ctx, setUp); err != nil {
			return err
		}
		_, err := w.conn.ExecContext(w.ctx, `INSERT INTO session VALUES ('url', ?), ('version', ?), ('created', ?)`,
			o.URL, o.Version, w.info.Created.Format(time.RFC3339Nano))
		return err
	})
}

func (w *writer) resume(o *Options) (err error) {
	if w.info, err = readInfo(w.ctx, w.conn); err != nil {
		return err
	}
	if o.URL != "" && o.URL != w.info.URL {
		return fmt.Errorf("the session is of %s, not of %s: give that address or none, or another session", redact.Address(w.info.URL), redact.Address(o.URL))
	}
	// A session that was begun before there was one gets a column for the HLS clock.
	var there int64
	err = w.find(`SELECT COUNT(*) FROM pragma_table_info('segments') WHERE name = 'first_time'`, []any{&there})
	if err != nil || there > 0 {
		return err
	}
	return w.exec(`ALTER TABLE segments ADD COLUMN first_time INTEGER`)
}

// at is a time as an offset from the start of the run.
func (w *writer) at(t time.Time) int64 { return int64(t.Sub(w.start)) }

// transact writes all that f does, or nothing of it.
func (w *writer) transact(f func() error) error {
	if err := w.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = w.exec(`COMMIT`)
	}
	if err != nil {
		_, _ = w.conn.ExecContext(w.ctx, `ROLLBACK`) // it may be rolled back already, where the disk is full
	}
	return err
}

// exec executes a statement, which is prepared once.
func (w *writer) exec(query string, args ...any) error {
	_, err := w.do(query, args...)
	return err
}

// insert executes a statement and gives the id of the row.
func (w *writer) insert(query string, args ...any) (int64, error) {
	r, err := w.do(query, args...)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

func (w *writer) do(query string, args ...any) (sql.Result, error) {
	s, err := w.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(w.ctx, args...)
}

// find reads the row that a query brings, if there is one.
func (w *writer) find(query string, into []any, args ...any) error {
	s, err := w.prepared(query)
	if err != nil {
		return err
	}
	err = s.QueryRowContext(w.ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func (w *writer) prepared(query string) (*sql.Stmt, error) {
	if s := w.statements[query]; s != nil {
		return s, nil
	}
	s, err := w.conn.PrepareContext(w.ctx, query)
	if err == nil {
		w.statements[query] = s
	}
	return s, err
}

// url gives the id of an address. The ids of those that are requested again and again are kept.
func (w *writer) url(text string, again bool) (int64, error) {
	if id := w.urls[text]; id != 0 {
		return id, nil
	}
	var id int64
	err := w.find(`SELECT id FROM urls WHERE url = ?`, []any{&id}, text)
	if err == nil && id == 0 {
		id, err = w.insert(`INSERT INTO urls (url) VALUES (?)`, text)
	}
	if err == nil && again {
		if len(w.urls) >= cachedURLs {
			clear(w.urls)
		}
		w.urls[text] = id
	}
	return id, err
}

func (w *writer) end(now time.Time, reason string) error {
	return w.exec(`UPDATE runs SET ended_at = ?, reason = ? WHERE id = ?`, w.at(now), reason, w.run)
}

// discard takes the session away, where it was not there before. Close must follow.
func (w *writer) discard() {
	if !w.folder.fresh {
		return
	}
	files := w.files()
	_ = w.closeDatabase() // it goes
	w.folder.remove(files)
}

// files are the chunks that rows name.
func (w *writer) files() (names []string) {
	if w.conn == nil {
		return nil
	}
	r, err := w.conn.QueryContext(w.ctx, `SELECT file FROM bodies WHERE file IS NOT NULL`)
	if err != nil {
		return nil
	}
	defer r.Close()
	for r.Next() {
		var name string
		if r.Scan(&name) == nil {
			names = append(names, name)
		}
	}
	if r.Err() != nil {
		return nil
	}
	return names
}

func (w *writer) close() error {
	err := w.closeDatabase()
	w.folder.close()
	return err
}

func (w *writer) closeDatabase() error {
	for _, s := range w.statements {
		s.Close()
	}
	clear(w.statements)
	var err error
	if w.conn != nil {
		w.conn.Close()
	}
	if w.db != nil {
		err = w.db.Close()
	}
	w.conn, w.db = nil, nil
	return err
}
