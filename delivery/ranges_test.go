package delivery

import (
	"net/http"
	"strings"
	"testing"
)

// TestRanges: what RFC 9110 has a server ignore is ignored, and all else is answered with what was asked for.
func TestRanges(t *testing.T) {
	f := published(t)
	for _, c := range []struct {
		asked  string
		status int
		ranges string
	}{
		{"bytes=0-9", 206, "bytes 0-9/10000"}, {"Bytes=0-9", 206, "bytes 0-9/10000"}, {"bytes=9990-", 206, "bytes 9990-9999/10000"},
		{"bytes=-10", 206, "bytes 9990-9999/10000"}, {"bytes=-99999", 206, "bytes 0-9999/10000"}, {"bytes= 0-9 ,", 206, "bytes 0-9/10000"},
		{"bytes=0-99999999999999999999999", 206, "bytes 0-9999/10000"}, {"bytes=000-0009", 206, "bytes 0-9/10000"},
		{"bytes=10000-", 416, "bytes */10000"}, {"bytes=99999999999999999999999-", 416, "bytes */10000"}, {"bytes=-0", 416, "bytes */10000"},
		// A unit that is not known, and what can't be read.
		{"items=0-9", 200, ""}, {"bytes", 200, ""}, {"bytes=", 200, ""}, {"bytes=,", 200, ""}, {"bytes=-", 200, ""}, {"bytes=9-0", 200, ""},
		{"bytes=a-9", 200, ""}, {"bytes=0-9x", 200, ""}, {"bytes=+0-9", 200, ""}, {"bytes=0--9", 200, ""}, {"bytes=--9", 200, ""},
		{"bytes=0-9;q=1", 200, ""}, {"bytes=0 - 9", 200, ""}, {"bytes = 0-9", 200, ""}, {"bytes=0-9,x", 200, ""}, {"", 200, ""}, {"bytes=0x1-", 200, ""},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := f.do(method, "/main/seg-12.ts", "Range", c.asked)
			if w.Code != c.status || w.Header().Get("Content-Range") != c.ranges || c.status == 200 && w.Header().Get("Content-Length") != "10000" {
				t.Errorf("%s, Range %q: %d, %v", method, c.asked, w.Code, w.Header())
			}
		}
	}
	if w := f.get("/main/seg-12.ts", "Range", "bytes=0-9", "Range", "bytes=0-9"); w.Code != 200 {
		t.Errorf("two headers: %d", w.Code)
	}
	if w := f.get("/main/seg-12.ts", "Range", "bytes=0-1,5-6"); w.Code != 206 || !strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("two ranges: %d %v", w.Code, w.Header())
	}
}

// FuzzRange: a Range leads to no other answer than a part, all, or that there is no such part.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-9", "bytes=-5", "bytes=5-", "bytes=1-2,3-4", "x=1-2", "bytes=99999999999999999999-", "bytes=-0", "bytes=9-1"} {
		f.Add(s)
	}
	fx := published(f)
	f.Fuzz(func(t *testing.T, asked string) {
		w := fx.get("/main/seg-12.ts", "Range", asked)
		if w.Code == 206 && (w.Body.Len() == 0 || w.Header().Get("Content-Range") == "" && !strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/")) ||
			w.Code == 200 && w.Body.Len() != 10000 || w.Code != 200 && w.Code != 206 && w.Code != 416 {
			t.Errorf("Range %q: %d, %d bytes, %v", asked, w.Code, w.Body.Len(), w.Header())
		}
	})
}
