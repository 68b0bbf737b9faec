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
)

// selectExchanges reads what scanExchange takes.
const selectExchanges = `SELECT e.id, e.run, COALESCE(e.playlist, 0), e.resource, u.url, f.url, e.range_offset, e.range_length,
	e.msn, e.attempt, e.began_at, e.answered_at, e.ended_at, e.status, e.headers, COALESCE(e.body, 0), COALESCE(b.bytes, 0),
	COALESCE(e.error, '')
	FROM exchanges e JOIN urls u ON u.id = e.url JOIN urls f ON f.id = e.final_url LEFT JOIN bodies b ON b.id = e.body `

func scanExchange(r scanner) (*Exchange, error) {
	e := &Exchange{}
	var offset, length, answered sql.NullInt64
	var header sql.NullString
	err := r.Scan(&e.ID, &e.Run, &e.Playlist, &e.Resource, &e.URL, &e.FinalURL, &offset, &length, &e.MSN, &e.Attempt,
		&e.Began, &answered, &e.Ended, &e.Status, &header, &e.Body, &e.Bytes, &e.Error)
	if err != nil {
		return nil, err
	}
	e.Answered = time.Duration(orMinus(answered))
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

// Exchange gives one request, by its id.
func (s *Session) Exchange(ctx context.Context, id int64) (*Exchange, error) {
	list, err := all(rows(ctx, s, "exchanges", scanExchange, selectExchanges+`WHERE e.id = ?`, id))
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("read exchanges of session %s: there is no exchange %d", s.dir, id)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// Outcomes gives the requests of one address in the order of their runs, and in these of when they began. Each that was
// answered over HTTP has a Header: where the same content came as the last time, that of then. It must not be changed,
// since several share it.
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
