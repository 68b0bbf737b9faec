package replay

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/refstream/refstream/format/m3u8"
)

// span is a requested range (RFC 9110, 14.1.2): bytes first to last, to the end if last is -1; or, if first is -1, the last
// bytes, as many as last.
type span struct {
	first, last int64
}

// rangeOf is the requested part (RFC 9110, 14.2). It is nil for none, and where all is sent: for several parts, an invalid
// range, and other methods.
func rangeOf(r *http.Request) *span {
	if asked := r.Header.Values("Range"); r.Method == http.MethodGet && len(asked) == 1 {
		return parseRange(asked[0])
	}
	return nil
}

// parseRange reads a Range of one part in bytes, nil for any other.
func parseRange(text string) *span {
	unit, text, _ := strings.Cut(text, "=")
	from, to, dash := strings.Cut(strings.Trim(text, " 	"), "-")
	first, ok1 := position(from)
	last, ok2 := position(to)
	if !dash || !strings.EqualFold(unit, "bytes") || !ok1 || !ok2 || max(first, last) < 0 || last >= 0 && last < first {
		return nil
	}
	return &span{first, last}
}

// position is a number of bytes, -1 for an empty text.
func position(text string) (n int64, ok bool) {
	if text == "" {
		return -1, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n < math.MaxInt64 && strings.Trim(text, "0123456789") == ""
}

// exact is the part with both ends, nil if one is missing.
func (s *span) exact() *m3u8.ByteRange {
	if s == nil || s.first < 0 || s.last < 0 {
		return nil
	}
	return &m3u8.ByteRange{Offset: s.first, Length: s.last - s.first + 1}
}

// within is the part of something of total bytes; ok is false where there is nothing of it.
func (s span) within(total int64) (first, last int64, ok bool) {
	switch {
	case s.first < 0:
		first, last = max(total-s.last, 0), total-1
		return first, last, s.last > 0 && total > 0
	case s.last < 0:
		return s.first, total - 1, s.first < total
	}
	return s.first, min(s.last, total-1), s.first < total
}

// servePieces answers with what was recorded in parts, where they make up what is requested.
func (s *Server) servePieces(w http.ResponseWriter, r *http.Request, found *resource, m moment, asked *span) error {
	pieces := found.pieces(m)
	end, total := int64(0), int64(-1)
	for _, p := range pieces {
		end, total = max(end, p.content.Offset+p.content.Length), max(total, p.total)
	}
	want := span{0, -1}
	if asked != nil {
		want = *asked
	}
	first, last, ok := want.within(max(end, total))
	list, reached := covering(pieces, first)
	if open := asked != nil && asked.last < 0; open && ok {
		last = min(last, reached-1)
		ok = last >= first
	}
	if !ok || reached <= last {
		s.refuse(w, http.StatusNotFound, "only some parts of this were recorded, and not this one")
		return nil
	}
	h := w.Header()
	setHeader(h, list[0].header)
	inert(h)
	h.Del("Content-Range")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(last+1-first, 10))
	status := http.StatusOK
	if asked != nil {
		status = http.StatusPartialContent
		size := "*"
		if total >= 0 {
			size = strconv.FormatInt(total, 10)
		}
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%s", first, last, size))
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	for _, p := range list {
		if p.content.Offset > last {
			break
		}
		b, err := s.session.Body(r.Context(), p.body)
		if err != nil { // the length was promised
			s.o.Logger.Error("replay: can't continue an answer", "path", found.path, "error", err)
			hangUp(r.Context(), w, true)
			return nil
		}
		to := min(last+1-p.content.Offset, int64(len(b)))
		if _, err := w.Write(b[min(first-p.content.Offset, to):to]); err != nil {
			return fmt.Errorf("%w: %w", errSent, err)
		}
		first = max(first, p.content.Offset+to)
	}
	return nil
}

// covering picks from sorted pieces those that follow a byte without holes; reached is the byte after them.
func covering(pieces []*outcome, from int64) (list []*outcome, reached int64) {
	reached = from
	for _, p := range pieces {
		if p.content.Offset > reached {
			break
		}
		if end := p.content.Offset + p.content.Length; end > reached {
			list, reached = append(list, p), end
		}
	}
	return list, reached
}
