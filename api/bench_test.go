package api

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/refstream/refstream/markers"
)

// discard is a client that counts the bytes.
type discard struct {
	header http.Header
	bytes  int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(b []byte) (int, error) { d.bytes += len(b); return len(b), nil }

// hundred has 100 markers in its log, and records of missing frames.
func hundred(b *testing.B) *fixture {
	f := newFixture(b)
	var batch markers.Batch
	for i := range int64(100) {
		batch.Markers = append(batch.Markers, event(i+1, i*600, i*600+59))
		batch.Missing = append(batch.Missing, lost(i*600+100, i*600+119))
	}
	f.append(batch)
	return f
}

// BenchmarkMarkers compares the answer of 100 markers with the same bytes out of memory: asked as pollers do, always
// the same, and asked differently each time.
func BenchmarkMarkers(b *testing.B) {
	f := hundred(b)
	body := f.get("/markers").Body.Bytes()
	static := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
	run := func(name string, h http.Handler, target func(i int) string) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r := httptest.NewRequest(http.MethodGet, target(i), nil)
				h.ServeHTTP(&discard{header: http.Header{}}, r)
			}
		})
	}
	same := func(int) string { return "/markers" }
	run("bytes", static, same)
	run("same", f.server.Handler(), same)
	run("different", f.server.Handler(), func(i int) string { return fmt.Sprintf("/markers?ts_end=%d", 100_000+i) })
}

// BenchmarkServed is the same over connections.
func BenchmarkServed(b *testing.B) {
	f := hundred(b)
	f.publish("seg-1.ts", string(make([]byte, 1_500_000)))
	body := f.get("/markers").Body.Bytes()
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", f.server.Handler()))
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
	mux.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.Dir(f.dir+"/main/hls"))))
	srv := httptest.NewServer(mux)
	b.Cleanup(srv.Close)
	for _, target := range []string{"/bytes", "/api/markers", "/files/seg-1.ts", "/api/hls/main/seg-1.ts", "/api/frames/5.png"} {
		b.Run(target, func(b *testing.B) {
			for b.Loop() {
				resp, err := srv.Client().Get(srv.URL + target)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
				_ = resp.Body.Close()
			}
		})
	}
}
