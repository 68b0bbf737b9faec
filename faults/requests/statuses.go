package requests

import (
	"fmt"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/refstream/refstream/scenario"
)

// hop is the parameter of a URL that counts redirects.
const hop = "hop"

// hops is how many redirects a request has behind it.
func hops(r *http.Request) int64 {
	n, _ := strconv.ParseInt(r.URL.Query().Get(hop), 10, 32) // what is no number is none
	return max(n, 0)
}

// statuses is the kinds of answers with another status than that of the clean one.
func statuses() []kind {
	redirect := func(name, doc string, params ...scenario.Param) scenario.Kind {
		return failed(scenario.Kind{
			Name: name, Property: "answer", Doc: doc, Params: params, Alarms: []string{"redirect", "fragLoadError", "levelLoadError", "manifestLoadError"}, Oracle: "curl",
		})
	}
	loop := redirect("http.redirect_loop", "The answer is a redirect to an address that redirects to itself, without end.")
	long := redirect("http.redirect", "The answer is a redirect to another address, which redirects too, and so on, until the file is there.",
		scenario.Param{Name: "hops", Doc: "how many redirects", Type: scenario.Whole, Default: "30", Min: 2, Max: 1000})
	long.Tolerates, long.Expects = append(long.Tolerates, long.Expects...), nil // a client may follow them all
	moved := entry(scenario.Kind{Name: "http.moved", Property: "answer", Doc: "The answer is a redirect to the file, under another address.", Decoy: true})
	status := failed(scenario.Kind{
		Name: "http.status", Property: "answer", Doc: "The answer has a status of an error in place of the file.",
		Params: []scenario.Param{
			{Name: "status", Doc: "the status", Type: scenario.Whole, Default: "503", Min: 400, Max: 599},
			{Name: "retry_after", Doc: "what Retry-After has, to the next whole second; without one at 0s", Type: scenario.Length, Default: "0s", Max: int64(24 * time.Hour)},
		},
		Alarms: []string{"http_status", "fragLoadError", "levelLoadError", "manifestLoadError"}, Oracle: "curl",
	})
	return []kind{
		{Kind: status, begin: func(a *answer, m *met) bool {
			a.replace(int(m.Params["status"].N), func(h http.Header) {
				if after := m.Params["retry_after"].N; after > 0 {
					h.Set("Retry-After", strconv.FormatInt((after+int64(time.Second)-1)/int64(time.Second), 10))
				}
			})
			m.did = fmt.Sprintf("status %d", m.Params["status"].N)
			return true
		}},
		{Kind: long, chained: true, begin: func(a *answer, m *met) bool { return a.redirect(m, m.Params["hops"].N) }},
		{Kind: loop, chained: true, begin: func(a *answer, m *met) bool { return a.redirect(m, 0) }},
		{Kind: moved, chained: true, begin: func(a *answer, m *met) bool { return a.redirect(m, 1) }},
	}
}

// redirect answers with one of so many redirects, of 0 without end. The file is behind the last.
func (a *answer) redirect(m *met, most int64) bool {
	n := hops(a.r) + 1
	m.did = fmt.Sprintf("redirect %d", n)
	if most > 0 {
		m.did += fmt.Sprintf(" of %d", most)
		if n > most {
			m.did = fmt.Sprintf("the file, behind %d redirects", most)
			return true
		}
	} else {
		n, m.did = 1, "a redirect to itself" // always the same address
	}
	query := a.r.URL.Query()
	query.Set(hop, strconv.FormatInt(n, 10))
	a.replace(http.StatusFound, func(h http.Header) { h.Set("Location", path.Base(a.r.URL.EscapedPath())+"?"+query.Encode()) })
	return true
}

// replace puts another answer in place of the clean one, which looks like those of common servers.
func (a *answer) replace(status int, edit func(http.Header)) {
	a.clean = func(w http.ResponseWriter) {
		title := fmt.Sprintf("%d %s", status, http.StatusText(status))
		body := fmt.Sprintf("<html>\n<head><title>%s</title></head>\n<body><h1>%s</h1></body>\n</html>\n", title, title)
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		h.Set("Cache-Control", "no-store") // it is not there any more when the fault is over
		edit(h)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the answer keeps the error
	}
}
