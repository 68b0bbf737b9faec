package recorder

import (
	"context"
	"database/sql"
	_ "embed" // the schema
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"modernc.org/sqlite"

	"github.com/refstream/refstream/internal/rlimit"
)

const (
	// databaseFile and chunksDir are what a session's folder holds, besides the lock.
	databaseFile = "session.db"
	chunksDir    = "chunks"
	// applicationID ("RefS") and schemaVersion are in the header of a session's database, as application_id and user_version.
	applicationID = 0x52656653
	schemaVersion = 1
)

//go:embed schema.sql
var schema string

func openDatabase(dir, parameters string) (*sql.DB, error) {
	path, err := filepath.Abs(filepath.Join(dir, databaseFile))
	if err != nil {
		return nil, fmt.Errorf("find session %s: %w", dir, err)
	}
	// A URI, in which nothing in the path has a meaning.
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: parameters}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", databaseFile, err)
	}
	return db, nil
}

// querier is a database, or a connection to it.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// errNewer is a session that this version can't read.
var errNewer = errors.New("it was recorded by a newer refstream: update this one")

// checkSchema reports whether a database is empty, and an error where it isn't that of a session that can be read.
func checkSchema(ctx context.Context, db querier) (empty bool, err error) {
	var id, version, tables int64
	err = db.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT COUNT(*) FROM sqlite_schema)`).Scan(&id, &version, &tables)
	switch {
	case code(err) == codeNoDB:
		return false, fmt.Errorf("%w: %s is no SQLite file", ErrDamaged, databaseFile)
	case err != nil:
		return false, explain(err)
	case id == 0 && version == 0 && tables == 0:
		return true, nil
	case id != applicationID:
		return false, fmt.Errorf("it is not a session: %s is the database of something else (application_id %d)", databaseFile, id)
	case version > schemaVersion:
		return false, fmt.Errorf("%w (schema %d, this one reads up to %d)", errNewer, version, schemaVersion)
	case version < 1:
		return false, fmt.Errorf("%w: schema %d", ErrDamaged, version)
	}
	return false, checkTables(ctx, db)
}

func checkTables(ctx context.Context, db querier) error {
	for _, table := range []string{
		"session", "runs", "urls", "playlists", "bodies", "exchanges", "versions", "segments", "troubles",
	} {
		var there bool
		err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)`, table).Scan(&there)
		if err != nil {
			return explain(err)
		}
		if !there {
			return fmt.Errorf("%w: its table %s is missing", ErrDamaged, table)
		}
	}
	return nil
}

func readInfo(ctx context.Context, db querier) (Info, error) {
	var i Info
	var created string
	err := db.QueryRowContext(ctx, `SELECT COALESCE((SELECT value FROM session WHERE key = 'url'), ''),
		COALESCE((SELECT value FROM session WHERE key = 'version'), ''),
		COALESCE((SELECT value FROM session WHERE key = 'created'), '')`).Scan(&i.URL, &i.Version, &created)
	if err != nil {
		return Info{}, explain(err)
	}
	if i.URL == "" {
		return Info{}, fmt.Errorf("%w: it does not name its stream", ErrDamaged)
	}
	if i.Created, err = time.Parse(time.RFC3339Nano, created); err != nil {
		return Info{}, fmt.Errorf("%w: when it was created is %q", ErrDamaged, created)
	}
	i.Created = i.Created.UTC()
	return i, nil
}

var (
	// ErrNoSession is what Open's error is where a folder holds no session.
	ErrNoSession = errors.New("no such session")
	// ErrInUse is what Record's error is where another recorder writes to the session.
	ErrInUse = errors.New("session is being recorded")
	// ErrDamaged is what errors of a Session are where it isn't what was recorded any more.
	ErrDamaged = errors.New("session is damaged")
)

// NotAsked begins the Error of a Segment that was listed and never requested, because the recorder was late: it has no Exchange.
const NotAsked = "not asked for"

// Result codes of SQLite (sqlite.org/rescode.html); the lowest byte of an error's code.
const (
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeMismatch = 20
	codeNoFormat = 24
	codeNoDB     = 26
)

// code is the result code of an error of SQLite, 0 of others.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// explain makes errors of SQLite known that callers ask for.
func explain(err error) error {
	switch code(err) {
	case codeCorrupt, codeMismatch, codeNoFormat, codeNoDB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case codeFull:
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	}
	return err
}

// explainWrite is explain for writing to the session in a folder, with a cause that SQLite does not give.
func explainWrite(dir string, err error) error {
	err = explain(err)
	if code(err) == codeIO {
		if cause := cantWrite(dir); cause != nil {
			return fmt.Errorf("%w: %w", cause, err)
		}
	}
	return err
}

const probed = 64 << 10 // how much is written to see whether it can be

// cantWrite finds out why no more can be written into a folder, nil where it can be or that isn't known.
func cantWrite(dir string) error {
	limit := rlimit.FileSize()
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(filepath.Join(dir, databaseFile+suffix))
		if err == nil && uint64(max(info.Size(), 0)+probed) > limit {
			return syscall.EFBIG
		}
	}
	f, err := os.CreateTemp(dir, partPrefix)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probed))
	err = errors.Join(err, f.Close())
	os.Remove(f.Name())
	return err
}
