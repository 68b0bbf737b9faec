package requests

import (
	"net/http"
	"strconv"
	"time"

	"github.com/refstream/refstream/scenario"
)

// headers is the kinds of wrong header fields.
func headers() []kind {
	edited := func(name, property, doc string, alarms []string, edit func(h http.Header, p scenario.Params), params ...scenario.Param) kind {
		return kind{
			Kind: entry(scenario.Kind{
				Name: name, Property: property, Doc: doc, Params: params, Alarms: alarms, Oracle: "curl",
			}),
			head: func(a *answer, m *met) {
				edit(a.Header(), m.Params)
				m.did = property + " " + m.Params[params[0].Name].Text
			},
		}
	}
	return []kind{
		edited("http.mime", "media type", "Content-Type is not that of the file.",
			[]string{"mime", "content_type"}, func(h http.Header, p scenario.Params) {
				// With none there, net/http guesses none.
				h["Content-Type"] = map[string][]string{"html": {"text/html"}, "plain": {"text/plain"}, "binary": {"application/octet-stream"}}[p["type"].Text]
			},
			scenario.Param{Name: "type", Doc: "text/html, text/plain, application/octet-stream, or no Content-Type", Type: scenario.Word, Default: "html",
				Words: []string{"html", "plain", "binary", "none"}},
		),
		edited("http.cors", "cross-origin access", "Access-Control-Allow-Origin does not let pages of other origins read the answer.",
			[]string{"cors", "fragLoadError", "levelLoadError", "manifestLoadError"}, func(h http.Header, p scenario.Params) {
				h["Access-Control-Allow-Origin"] = map[string][]string{"other": {"https://other.example"}, "twice": {"*", "*"}}[p["what"].Text]
			},
			scenario.Param{Name: "what", Doc: "what is wrong: it is not there, names another origin, or is there twice", Type: scenario.Word, Default: "missing",
				Words: []string{"missing", "other", "twice"}},
		),
		edited("http.caching", "caching", "Caches are told what is not right for the file (RFC 9111, 5).",
			[]string{"cache", "stale", "stale_manifest"}, func(h http.Header, p scenario.Params) {
				switch p["what"].Text {
				case "keep":
					h.Set("Cache-Control", "public, max-age="+strconv.FormatInt(p["time"].N/int64(time.Second), 10))
				case "stale":
					h.Set("Cache-Control", "public, max-age=1")
					h.Set("Age", "3601")
				default:
					for _, name := range []string{"Cache-Control", "ETag", "Last-Modified"} {
						h.Del(name)
					}
				}
			},
			scenario.Param{Name: "what", Doc: "what is wrong: it may be kept for a time, it is an hour older than it may be, or nothing is said", Type: scenario.Word, Default: "keep",
				Words: []string{"keep", "stale", "none"}},
			scenario.Param{Name: "time", Doc: "for how long it may be kept: caches then answer in the place of the server, also behind the fault", Type: scenario.Length, Default: "1m",
				Min: int64(time.Second), Max: int64(365 * 24 * time.Hour)},
		),
	}
}
