package requests

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// read is a file, or nothing where there is none.
func read(name string) []byte {
	b, _ := os.ReadFile(name)
	return b
}

// finder is what curl finds of one fault.
type finder struct {
	fault, args string
	exit        int
	bytes       int    // of the body that are there, as in the file; -1 for another check
	header      string // a line
	did         string // in the log
}

var found = []finder{
	{"do: http.status", "-f", 22, 0, "http/1.1 503 service unavailable", "status 503"},
	{"do: http.status, with: {status: 429, retry_after: 1500ms}", "-f", 22, 0, "retry-after: 2", "status 429"},
	{"do: http.redirect, with: {hops: 3}", "-L --max-redirs 2", 47, -1, "location: seg-12.ts?hop=3", "redirect 1 of 3"},
	{"do: http.redirect, with: {hops: 3}", "-L", 0, size, "", "redirect 1 of 3"},
	{"do: http.redirect_loop", "-L", 47, -1, "location: seg-12.ts?hop=1", "a redirect to itself"},
	{"decoy: http.moved", "-L", 0, size, "location: seg-12.ts?hop=1", "redirect 1 of 1"},
	{"do: http.delay, with: {time: 1m}", "-m 2", 28, 0, "", "delayed"},
	{"do: http.delay, with: {time: 1ms}", "", 0, size, "", "delayed by 1ms"},
	{"do: http.throttle, with: {rate: 8000}", "-m 2", 28, -1, "http/1.1 200 ok", "throttled to 8000 bit/s"},
	{"do: http.stall", "-m 2", 28, size / 2, "", "stalled after 20000 of 40000 bytes"},
	{"do: http.stall, with: {time: 10ms, at_byte: 0}", "", 0, size, "", "stalled after 0 of 40000 bytes for 10ms"},
	{"do: http.cut, with: {at_byte: 1000}", "", 18, 1000, "content-length: 40000", "closed after 1000 of 40000 bytes"},
	{"do: http.cut, with: {at_byte: 99%}", "", 18, size / 100 * 99, "", "closed after 39600 of 40000 bytes"},
	{"do: http.cut, with: {after: headers}", "", 18, 0, "content-length: 40000", "closed after the header"},
	{"do: http.cut, with: {after: nothing}", "", 52, 0, "", "closed without an answer"},
	{"do: http.reset", "", 56, size / 2, "", "reset after 20000 of 40000 bytes"},
	{"do: http.reset, with: {after: headers}", "", 56, 0, "content-length: 40000", "reset after the header"},
	{"do: http.reset, with: {after: nothing}", "", 56, 0, "", "reset without an answer"},
	{"do: http.length", "", 18, size, "content-length: 41000", "Content-Length 41000 in place of 40000"},
	{"do: http.length, with: {by: -1000}", "", 0, size - 1000, "content-length: 39000", "Content-Length 39000 in place of 40000"},
	{"do: http.corrupt", "", 0, -1, "", "bytes changed, the first at"},
	{"do: http.mime", "", 0, size, "content-type: text/html", "media type html"},
	{"do: http.mime, with: {type: none}", "", 0, size, "-content-type:", "media type none"},
	{"do: http.cors", "", 0, size, "-access-control-allow-origin:", "cross-origin access missing"},
	{"do: http.cors, with: {what: other}", "", 0, size, "access-control-allow-origin: https://other.example", "cross-origin access other"},
	{"do: http.cors, with: {what: twice}", "", 0, size, "access-control-allow-origin: *\r\naccess-control-allow-origin: *", "cross-origin access twice"},
	{"do: http.caching", "", 0, size, "cache-control: public, max-age=60\r\n", "caching keep"},
	{"do: http.caching, with: {what: stale}", "", 0, size, "age: 3601", "caching stale"},
	{"do: http.caching, with: {what: none}", "", 0, size, "-etag:", "caching none"},
	{"decoy: http.chunked", "", 0, size, "transfer-encoding: chunked", "sent in chunks"},
}

// curl, which is not ours, finds each kind in the labelled segment, and nothing in the next one, the playlist and the clean channel.
func TestFound(t *testing.T) {
	t.Parallel()
	kinds := map[string]bool{}
	for _, c := range found {
		kinds[strings.Fields(strings.ReplaceAll(c.fault, ",", " "))[1]] = true
		t.Run(c.fault+c.args, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "{id: x, at: {msn: 12}, for: {segments: 1}, "+c.fault+"}")
			for _, name := range []string{"/faulty/" + clean, "/faulty/index.m3u8", "/clean/" + labelled} {
				if got := s.curl(t, name, strings.Fields(c.args)...); got.exit != 0 || !bytes.Equal(got.body, s.files[name[strings.LastIndex(name, "/")+1:]]) {
					t.Errorf("%s: %v", name, got)
				}
			}
			if r := s.record(t, 2); r.State != markers.FaultNotDone || r.Reason != Unmet {
				t.Errorf("before: %+v", r)
			}
			got := s.curl(t, "/faulty/"+labelled, strings.Fields(c.args)...)
			answers := 1
			if strings.Contains(c.args, "-L") {
				answers = strings.Count(got.header, "http/1.1 ")
			}
			r := s.record(t, answers)
			if got.exit != c.exit || c.bytes >= 0 && !bytes.Equal(got.body, s.files[labelled][:c.bytes]) {
				t.Errorf("want exit code %d and %d bytes: %v", c.exit, c.bytes, got)
			}
			if line, not := strings.CutPrefix(c.header, "-"); strings.Contains(got.header, line) == not && line != "" {
				t.Errorf("want the header %q: %v", c.header, got)
			}
			if r.State != markers.FaultDone || len(r.Done) != 1 || r.Done[0].Frame != 600 || r.Done[0].LastFrame != 649 || len(r.Requests) != answers ||
				!strings.Contains(r.Requests[0].Did, c.did) || r.Requests[0].Method != "GET" || r.Requests[0].File != labelled || r.Requests[0].Number != 1 {
				t.Errorf("the log has %+v", r)
			}
			checkBytes(t, s, c, got, r.Requests)
		})
	}
	for _, k := range Kinds() {
		if !kinds[k.Name] {
			t.Errorf("%s is not tried", k.Name)
		}
	}
}

// checkBytes holds the log's number of bytes, and which are altered, against what curl has got.
func checkBytes(t *testing.T, s *site, c finder, got curled, list []markers.FaultRequest) {
	t.Helper()
	r := list[len(list)-1]
	switch {
	case strings.Contains(c.fault, "http.corrupt"):
		changed := 0
		for i := range min(size, len(got.body)) {
			if got.body[i] != s.files[labelled][i] {
				if changed++; changed == 1 && !strings.HasSuffix(r.Did, fmt.Sprintf("the first at %d", i)) {
					t.Errorf("byte %d is the first that is changed: %s", i, r.Did)
				}
			}
		}
		if len(got.body) != size || !strings.HasPrefix(r.Did, fmt.Sprintf("%d bytes", changed)) || changed < 90 {
			t.Errorf("%d bytes are changed: %s", changed, r.Did)
		}
	case strings.Contains(c.fault, "http.throttle"):
		if took := r.End.Sub(r.At); r.Bytes < int64(len(got.body)) || r.Bytes == 0 || r.Bytes*8*1e9 > 8000*int64(took) {
			t.Errorf("%d bytes have left in %v at 8000 bit/s, and curl has %d", r.Bytes, took, len(got.body))
		}
	case c.bytes > 0 && !strings.Contains(c.fault, "by: -"):
		if r.Bytes != int64(c.bytes) {
			t.Errorf("the log has %d bytes, curl %d", r.Bytes, c.bytes)
		}
	case c.bytes > 0: // the rest is on the wire too
		if r.Bytes != size {
			t.Errorf("the log has %d bytes", r.Bytes)
		}
	}
}
