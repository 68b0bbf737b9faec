package recorder

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/recorder/timing"
)

// scanner is a row.
type scanner interface{ Scan(into ...any) error }

// rows gives what a query brings, each row as scan has it.
func rows[T any](ctx context.Context, s *Session, what string, scan func(scanner) (T, error), query string, args ...any,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		fail := func(err error) {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			yield(none, fmt.Errorf("read %s of session %s: %w", what, s.dir, explain(err)))
		}
		r, err := s.db.QueryContext(ctx, query, args...)
		if err != nil {
			fail(err)
			return
		}
		defer r.Close()
		for r.Next() {
			v, err := scan(r)
			if err != nil {
				fail(err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := r.Err(); err != nil {
			fail(err)
		}
	}
}

// all collects what an iteration gives.
func all[T any](of iter.Seq2[T, error]) ([]T, error) {
	var list []T
	for v, err := range of {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// Runs are the stretches of recording, in their order.
func (s *Session) Runs(ctx context.Context) ([]Run, error) {
	return all(rows(ctx, s, "runs", func(r scanner) (Run, error) {
		var run Run
		var started int64
		err := r.Scan(&run.ID, &started, &run.Ended, &run.Reason)
		run.Started = time.Unix(0, started).UTC()
		return run, err
	}, `SELECT id, started_utc, COALESCE(ended_at, MAX(
			COALESCE((SELECT ended_at FROM exchanges WHERE run = r.id ORDER BY id DESC LIMIT 1), 0),
			COALESCE((SELECT at FROM troubles WHERE run = r.id ORDER BY id DESC LIMIT 1), 0))),
		COALESCE(reason, '') FROM runs r ORDER BY id`))
}

// Playlists are those that were followed, in the order in which they were found.
func (s *Session) Playlists(ctx context.Context) ([]Playlist, error) {
	return all(rows(ctx, s, "playlists", func(r scanner) (Playlist, error) {
		var p Playlist
		err := r.Scan(&p.ID, &p.URL, &p.Kind, &p.Name, &p.Bandwidth)
		return p, err
	}, `SELECT p.id, u.url, kind, name, bandwidth FROM playlists p JOIN urls u ON u.id = p.url ORDER BY p.id`))
}

// URLs are all requested addresses, in order.
func (s *Session) URLs(ctx context.Context) ([]string, error) {
	return all(rows(ctx, s, "addresses", func(r scanner) (string, error) {
		var u string
		err := r.Scan(&u)
		return u, err
	}, `SELECT url FROM urls u WHERE EXISTS (SELECT 1 FROM exchanges WHERE url = u.id) ORDER BY id`))
}

// Versions gives the versions of a playlist, by its id, in the order in which they were seen.
func (s *Session) Versions(ctx context.Context, playlist int64) iter.Seq2[*Version, error] {
	return rows(ctx, s, "versions", func(r scanner) (*Version, error) {
		v := &Version{}
		err := r.Scan(&v.ID, &v.Run, &v.Playlist, &v.Exchange, &v.Body, &v.Number, &v.Seen, &v.Unseen, &v.Stale, &v.Restarted, &v.Missed)
		return v, err
	}, `SELECT id, run, playlist, exchange, body, number, seen_at, COALESCE(unseen_at, -1), stale, restarted, missed
		FROM versions WHERE playlist = ? ORDER BY id`, playlist)
}

// Segments iterates over the segments of a playlist, by its id, in the order in which they were handled: within a run, that of
// the playlist.
func (s *Session) Segments(ctx context.Context, playlist int64) iter.Seq2[*Segment, error] {
	return rows(ctx, s, "segments", scanSegment, `SELECT id, run, playlist, version, COALESCE(exchange, 0), msn, discontinuity,
		gap, duration, pdt_utc, COALESCE(error, ''), media, first_pts, end_pts
		FROM segments WHERE playlist = ? ORDER BY id`, playlist)
}

func scanSegment(r scanner) (*Segment, error) {
	g := &Segment{}
	var pdt, first, end sql.NullInt64
	var media sql.NullString
	err := r.Scan(&g.ID, &g.Run, &g.Playlist, &g.Version, &g.Exchange, &g.MSN, &g.Discontinuity, &g.Gap, &g.Duration,
		&pdt, &g.Error, &media, &first, &end)
	if err != nil {
		return nil, err
	}
	if pdt.Valid {
		g.ProgramDateTime = time.Unix(0, pdt.Int64).UTC()
	}
	if media.Valid {
		g.Timing = &timing.Span{Media: media.String, First: first.Int64, End: end.Int64}
	}
	return g, nil
}

// Troubles gives what went wrong besides, in order.
func (s *Session) Troubles(ctx context.Context) iter.Seq2[*Trouble, error] {
	return rows(ctx, s, "troubles", func(r scanner) (*Trouble, error) {
		t := &Trouble{}
		err := r.Scan(&t.Run, &t.At, &t.Playlist, &t.Error)
		return t, err
	}, `SELECT run, at, COALESCE(playlist, 0), error FROM troubles ORDER BY id`)
}

// selectExchanges reads what scanExchange takes.
const selectExchanges = `SELECT e.id, e.run, COALESCE(e.playlist, 0), e.resource, u.url, f.url, e.range_offset, e.range_length,
	e.msn, e.attempt, e.began_at, COALESCE(e.answered_at, -1), e.ended_at, e.status, e.headers, COALESCE(e.body, 0), COALESCE(b.bytes, 0),
	COALESCE(e.error, '')
	FROM exchanges e JOIN urls u ON u.id = e.url JOIN urls f ON f.id = e.final_url LEFT JOIN bodies b ON b.id = e.body `

func scanExchange(r scanner) (*Exchange, error) {
	e := &Exchange{}
	var offset, length sql.NullInt64
	var header sql.NullString
	err := r.Scan(&e.ID, &e.Run, &e.Playlist, &e.Resource, &e.URL, &e.FinalURL, &offset, &length, &e.MSN, &e.Attempt,
		&e.Began, &e.Answered, &e.Ended, &e.Status, &header, &e.Body, &e.Bytes, &e.Error)
	if err != nil {
		return nil, err
	}
	if offset.Valid && length.Valid {
		e.Range = &m3u8.ByteRange{Offset: offset.Int64, Length: length.Int64}
	}
	if header.Valid {
		if err := json.Unmarshal([]byte(header.String), &e.Header); err != nil {
			return nil, fmt.Errorf("%w: header of exchange %d: %w", ErrDamaged, e.ID, err)
		}
	}
	return e, nil
}

// Exchanges gives all requests in the order of their runs, and in these of when they began.
func (s *Session) Exchanges(ctx context.Context) iter.Seq2[*Exchange, error] {
	return rows(ctx, s, "exchanges", scanExchange, selectExchanges+`ORDER BY e.run, e.began_at, e.id`)
}

// Outcomes iterates over the requests of one address in the order of their runs, and within a run of when they began. Each HTTP
// answer has a Header: where the content was the same as before, the earlier one, shared, which must not be changed.
func (s *Session) Outcomes(ctx context.Context, url string) iter.Seq2[*Exchange, error] {
	list := rows(ctx, s, "exchanges", scanExchange,
		selectExchanges+`WHERE e.url = (SELECT id FROM urls WHERE url = ?) ORDER BY e.run, e.began_at, e.id`, url)
	return func(yield func(*Exchange, error) bool) {
		last := map[m3u8.ByteRange]http.Header{}
		for e, err := range list {
			if err == nil && e.Status != 0 {
				var part m3u8.ByteRange // the zero value, which no range is, for all
				if e.Range != nil {
					part = *e.Range
				}
				if e.Header == nil {
					e.Header = last[part]
				}
				last[part] = e.Header
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
