package api

import (
	"net/http"
	"strings"
	"testing"
)

// TestMediaIsOpen: pages of every origin may play the stream, without credentials; the API is as closed as it is configured.
func TestMediaIsOpen(t *testing.T) {
	const origin = "https://player.example"
	for name, origins := range map[string][]string{"nothing configured": nil, "another origin": {"https://tool.example"}} {
		f := published(t)
		f.server.cfg.CORSOrigins = origins
		f.server.cfg.Live = func(_, format string) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", map[string]string{"ts": "video/mp2t", "flv": "video/x-flv"}[format])
				w.Header().Set("Cache-Control", "no-store")
			})
		}
		for _, target := range []string{"/hls/main/index.m3u8", "/hls/main/seg-12.ts", "/hls/main/seg-13.ts", "/live/main.ts", "/live/main.flv"} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
				h := f.do(request(method, target, "", "Origin", origin, "Range", "bytes=0-9")).Header()
				if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s: %s %s: %v", name, method, target, h)
				}
				if exposed := h.Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, "Content-Range") || !strings.Contains(exposed, "Date") {
					t.Errorf("%s: %s %s exposes %q", name, method, target, exposed)
				}
			}
			if h := f.get(target).Header(); h.Get("Access-Control-Allow-Origin") != "*" { // what a cache keeps serves others too
				t.Errorf("%s: %s without an origin: %v", name, target, h)
			}
			w := f.do(request(http.MethodOptions, target, "", "Origin", origin, "Access-Control-Request-Method", "GET",
				"Access-Control-Request-Headers", "range"))
			h := w.Header()
			if w.Code != http.StatusNoContent || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Range") ||
				strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") || strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") {
				t.Errorf("%s: preflight of %s: %d %v", name, target, w.Code, h)
			}
		}
		for _, target := range []string{"/", "/markers", "/markers/", "/frames", "/frames/0.png", "/segments", "/clocks", "/channels", "/readyz", "/detections",
			"/score?source=a", "/hls", "/live", "/hlsx/main", "/metrics", "/openapi.yaml", "/nothing"} {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
				h := f.do(request(method, target, "", "Origin", origin, "Access-Control-Request-Method", "POST")).Header()
				if h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Methods") != "" {
					t.Errorf("%s: %s %s: %v", name, method, target, h)
				}
			}
		}
	}
}
