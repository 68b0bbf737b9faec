package requests

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/refstream/refstream/internal/hangup"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// failed is what refstream's own tools find where an answer is not whole, and what may be reported beside it.
func failed(k scenario.Kind) scenario.Kind {
	k.Expects = []string{"request_failed", "segment_missing"}
	k.Tolerates = []string{"gap", "segment_late", "not_recorded", "playlist_slow", "sequence_jump", "trouble"}
	return entry(k)
}

// ends is the kinds of answers that have another end than the clean one.
func ends() []kind {
	base := func(name, property, doc string, params ...scenario.Param) scenario.Kind {
		return failed(scenario.Kind{
			Name: name, Property: property, Doc: doc, Params: params, Alarms: []string{"incomplete", "connection", "fragLoadError", "levelLoadError"}, Oracle: "curl",
		})
	}
	// end makes a kind that ends the connection.
	end := func(k scenario.Kind, reset bool) kind {
		return kind{
			Kind: k,
			begin: func(a *answer, m *met) bool {
				if m.Params["after"].Text == "nothing" {
					a.err = a.end(m, reset)
				}
				return a.err == nil
			},
			head: func(a *answer, m *met) { a.at(m, func() error { return a.end(m, reset) }) },
		}
	}
	by := scenario.Param{Name: "by", Doc: "how many bytes more than the body has, a negative number less", Type: scenario.Whole, Default: "1000", Min: -1 << 30, Max: 1 << 30}
	wrong := base("http.length", "length", "Content-Length is not that of the body.", by)
	wrong.Check = func(f scenario.Fault, _ markers.Clock) error {
		if f.Params["by"].N == 0 {
			return errors.New("by is 0, which changes nothing: use another value")
		}
		return nil
	}
	chunked := entry(scenario.Kind{Name: "http.chunked", Property: "length", Doc: "The answer has no Content-Length, and is sent in chunks (RFC 9112, 7.1).", Decoy: true})
	return []kind{
		end(base("http.cut", "end", "The connection is closed before the answer is whole.", position()...), false),
		end(base("http.reset", "end", "The connection is reset (TCP RST) before the answer is whole.", position()...), true),
		{Kind: wrong, head: announce},
		{Kind: chunked, head: func(a *answer, m *met) {
			if a.size == 0 || !a.r.ProtoAtLeast(1, 1) {
				m.why = "the answer has no body, or the client is not one of HTTP/1.1"
				return
			}
			a.Header().Del("Content-Length")
			m.did = "sent in chunks"
		}},
	}
}

// announce writes another Content-Length than that of the body. After fewer bytes net/http closes the connection. It sends no more,
// though: behind the length that was announced the bytes go to the connection.
func announce(a *answer, m *met) {
	size, err := strconv.ParseInt(a.Header().Get("Content-Length"), 10, 64) // also where there is no body
	is := size + m.Params["by"].N
	if err != nil || is < 0 {
		m.why = fmt.Sprintf("Content-Length would be %d", is)
		return
	}
	a.Header().Set("Content-Length", strconv.FormatInt(is, 10))
	m.did = fmt.Sprintf("Content-Length %d in place of %d", is, size)
	if is >= a.size {
		return
	}
	a.marks = append(a.marks, mark{is, func() (err error) {
		if a.conn, err = hangup.Take(a.w); err != nil {
			m.why = "the rest of the body can't be sent: the connection is not one of HTTP/1.1"
		}
		return err
	}})
}
