package requests

import (
	"net/http"

	"github.com/refstream/refstream/scenario"
)

// headers is the kinds of wrong header fields.
func headers() []kind {
	edited := func(name, property, doc string, param scenario.Param, alarms []string, edit func(h http.Header, value string)) kind {
		return kind{
			Kind: entry(scenario.Kind{
				Name: name, Property: property, Doc: doc, Params: []scenario.Param{param}, Alarms: alarms, Oracle: "curl",
			}),
			head: func(a *answer, m *met) {
				value := m.Params[param.Name].Text
				edit(a.Header(), value)
				m.did = property + " " + value
			},
		}
	}
	return []kind{
		edited("http.mime", "media type", "Content-Type is not that of the file.",
			scenario.Param{Name: "type", Doc: "text/html, text/plain, application/octet-stream, or no Content-Type", Type: scenario.Word, Default: "html",
				Words: []string{"html", "plain", "binary", "none"}},
			[]string{"mime", "content_type"}, func(h http.Header, value string) {
				// With none there, net/http guesses none.
				h["Content-Type"] = map[string][]string{"html": {"text/html"}, "plain": {"text/plain"}, "binary": {"application/octet-stream"}}[value]
			}),
		edited("http.cors", "cross-origin access", "Access-Control-Allow-Origin does not let pages of other origins read the answer.",
			scenario.Param{Name: "what", Doc: "what is wrong: it is not there, names another origin, or is there twice", Type: scenario.Word, Default: "missing",
				Words: []string{"missing", "other", "twice"}},
			[]string{"cors", "fragLoadError", "levelLoadError", "manifestLoadError"}, func(h http.Header, value string) {
				h["Access-Control-Allow-Origin"] = map[string][]string{"other": {"https://other.example"}, "twice": {"*", "*"}}[value]
			}),
		edited("http.caching", "caching", "Caches are told what is not right for the file (RFC 9111, 5).",
			scenario.Param{Name: "what", Doc: "what is wrong: it may be kept for a year, it is an hour older than it may be, or nothing is said", Type: scenario.Word, Default: "year",
				Words: []string{"year", "stale", "none"}},
			[]string{"cache", "stale", "stale_manifest"}, func(h http.Header, value string) {
				switch value {
				case "year":
					h.Set("Cache-Control", "public, max-age=31536000, immutable")
				case "stale":
					h.Set("Cache-Control", "public, max-age=1")
					h.Set("Age", "3601")
				default:
					for _, name := range []string{"Cache-Control", "ETag", "Last-Modified"} {
						h.Del(name)
					}
				}
			}),
	}
}
