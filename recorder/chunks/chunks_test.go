package chunks

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/recorder"
)

const head = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n"

// files are what a server has; a name with a query is another one.
type files map[string]string

func (f files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, ok := f[r.URL.RequestURI()]
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
}

func TestList(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		files files
		want  []string // sorted: resource, name, content
	}{
		"two variants, one with a part of a file": {files{
			"/live/a.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/i.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhigh/i.m3u8\n",
			"/live/low/i.m3u8": head + "#EXTINF:2,\nseg.ts?token=1\n#EXTINF:2,\nseg.ts?token=2\n#EXTINF:2,\nseg.ts?token=3\n" +
				"#EXTINF:2,\ngone.ts\n#EXT-X-ENDLIST\n",
			"/live/low/seg.ts?token=1": "one", "/live/low/seg.ts?token=2": "two", "/live/low/seg.ts?token=3": "one",
			"/live/high/i.m3u8":  head + "#EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"4@0\"\n#EXTINF:2,\n#EXT-X-BYTERANGE:3@4\nall.mp4\n#EXT-X-ENDLIST\n",
			"/live/high/all.mp4": "initone",
		}, []string{"map high/all@0+4.mp4 init", "segment high/all@4+3.mp4 one", "segment low/seg.ts one", "segment low/seg~2.ts two"}},
		"one folder": {files{
			"/a.m3u8":         head + "#EXTINF:2,\n/x/y/seg%3A1.ts\n#EXTINF:2,\n/x/y/..%2F..%2F..%2Fetc%5Cseg2\n#EXT-X-ENDLIST\n",
			"/x/y/seg%3A1.ts": "one", "/x/y/..%2F..%2F..%2Fetc%5Cseg2": "two",
		}, []string{"segment etc_seg2 two", "segment x/y/seg_1.ts one"}},
		"nothing came": {files{"/a.m3u8": head + "#EXTINF:2,\ngone.ts\n#EXT-X-ENDLIST\n"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.files)
			defer server.Close()
			address := server.URL + "/a.m3u8"
			if c.files["/a.m3u8"] == "" {
				address = server.URL + "/live/a.m3u8"
			}
			dir := filepath.Join(t.TempDir(), "session")
			if _, err := recorder.Record(t.Context(), recorder.Options{URL: address, Dir: dir, Now: time.Now, Version: "test"}); err != nil {
				t.Fatal(err)
			}
			s, err := recorder.Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			list, err := List(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range list {
				data, err := s.Body(t.Context(), c.Body)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(c.Resource)+" "+c.Name+" "+string(data))
				if !filepath.IsLocal(c.Name) {
					t.Errorf("%s leads out of a folder", c.Name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
