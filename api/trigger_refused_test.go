package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTriggerBodyRefused(t *testing.T) {
	f := live(t)
	tests := append(badBodies(maxTriggerBody), []badBody{
		{`{"frame":5}`, 400, "frame"},
		{`{"length_frames":0}`, 400, "length_frames"}, {`{"length_frames":-1}`, 400, "length_frames"},
		{`{"length_frames":1.5}`, 400, "length_frames"}, {`{"length_frames":1e2}`, 400, "length_frames"},
		{`{"length_frames":"60"}`, 400, "length_frames"}, {`{"length_frames":18001}`, 400, "length_frames"},
		{`{"length_frames":null}`, 400, "length_frames"}, {`{"length_frames":99999999999999999999}`, 400, "length_frames"},
	}...)
	for _, tt := range tests {
		f.refused(f.post(tt.body), tt.status, tt.field)
	}
	f.refusesTypes("/markers")
	f.refused(f.do(request(http.MethodPost, "/markers?limit=1", "{}", "Content-Type", "application/json", "X-Refstream", "trigger")), 400, "limit")
	if len(f.triggers()) != 0 {
		t.Errorf("triggers %v", f.triggers())
	}
	if m := f.planned(`{"text":"` + strings.Repeat("é", 120) + `"}`); len(m.Text) != 240 {
		t.Errorf("text of 120 characters has %d bytes", len(m.Text))
	}
}

// TestTriggerText: what can't be seen is in no marker.
func TestTriggerText(t *testing.T) {
	f := live(t)
	m := f.planned(`{"text":"gpj\u202eexe.\u200b\ufeff"}`)
	if want := `gpj\u202eexe.\u200b\ufeff`; m.Text != want || f.triggers()[0].Text != want {
		t.Errorf("text %q", m.Text)
	}
	f.refused(f.post(`{"text":"`+strings.Repeat("\u202e", 50)+`"}`), 400, "text") // escaped it is too long
	w := f.detect(`{"source":"a","frame":5,"text":"\u202e"}`)
	if !strings.Contains(w.Body.String(), `"text":"\\u202e"`) {
		t.Errorf("a detection: %d %s", w.Code, w.Body)
	}
}

// TestRefusedPostsSayWhy: the page tells people what to do, and programs the reason.
func TestRefusedPostsSayWhy(t *testing.T) {
	for reason, change := range map[string]func(r *http.Request){
		"foreign_address": func(r *http.Request) { r.RemoteAddr = "192.0.2.1:99" },
		"proxied":         func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") },
		"foreign_host":    func(r *http.Request) { r.Host = "stream.example\u202e" },
		"foreign_origin":  func(r *http.Request) { r.Header.Set("Origin", "https://stream.example") },
		"header_missing":  func(r *http.Request) { r.Header.Del("X-Refstream") },
	} {
		f := live(t)
		r := request(http.MethodPost, "/markers", "{}", "Content-Type", "application/json", "X-Refstream", "trigger")
		change(r)
		w := f.do(r)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusForbidden || p.Reason != reason ||
			!strings.Contains(p.Detail, "start the server with --token") || strings.Contains(p.Detail, "\u202e") {
			t.Errorf("%s: %d %+v, %v", reason, w.Code, p, err)
		}
		if reason == "foreign_host" && !strings.Contains(p.Detail, "stream.example") {
			t.Errorf("%s: %s", reason, p.Detail)
		}
	}
	f := live(t, func(c *Config) { c.Token = "s3cret" })
	for reason, given := range map[string][]string{"token_missing": nil, "token_wrong": {"Authorization", "Bearer x"}} {
		var p Problem
		if w := f.post("{}", given...); json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Reason != reason {
			t.Errorf("%s: %d %s", reason, w.Code, w.Body)
		}
	}
}

// TestScoreNeedsItsOwnHost: a page of a name that was made to mean this machine gets no score; other machines do.
func TestScoreNeedsItsOwnHost(t *testing.T) {
	for _, c := range []struct {
		token, remote, host string
		want                int
	}{
		{"", "127.0.0.1:5000", "localhost:8080", 200}, {"", "[::1]:5000", "[::1]:8080", 200}, {"", "127.0.0.1:5000", "evil.example", 403},
		{"", "127.0.0.1:5000", "", 403}, {"", "192.0.2.1:5000", "server.example:8080", 200}, {"s3cret", "127.0.0.1:5000", "server.example", 200},
	} {
		f := live(t, func(cfg *Config) { cfg.Token = c.token })
		r := request(http.MethodPost, "/score", "[]", "Content-Type", "application/json")
		r.RemoteAddr, r.Host = c.remote, c.host
		if w := f.do(r); w.Code != c.want || c.want == 403 && !strings.Contains(w.Body.String(), `"reason":"foreign_host"`) {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
}

func TestTriggerAuthorization(t *testing.T) {
	tests := []struct {
		name        string
		token       string
		remote      string
		host        string
		header      []string
		want        int
		wantedField string
	}{
		{name: "local", header: []string{"X-Refstream", "trigger"}, want: 202},
		{name: "local by address", host: "127.0.0.1:8080", header: []string{"X-Refstream", "trigger"}, want: 202},
		{name: "IPv6", remote: "[::1]:99", host: "[::1]:8080", header: []string{"X-Refstream", "trigger"}, want: 202},
		{name: "IPv6 without port", remote: "[::1]:99", host: "[::1]", header: []string{"X-Refstream", "trigger"}, want: 202},
		{name: "mapped", remote: "[::ffff:127.0.0.1]:99", header: []string{"X-Refstream", "trigger"}, want: 202},
		{name: "own page", header: []string{"X-Refstream", "trigger", "Origin", "http://localhost:8080"}, want: 202},
		{name: "no header", want: 403, wantedField: "X-Refstream"},
		{name: "wrong header", header: []string{"X-Refstream", "yes"}, want: 403, wantedField: "X-Refstream"},
		{name: "header twice", header: []string{"X-Refstream", "trigger", "X-Refstream", "trigger"}, want: 403, wantedField: "X-Refstream"},
		{name: "remote", remote: "192.0.2.1:99", header: []string{"X-Refstream", "trigger"}, want: 403},
		{name: "not an address", remote: "@", header: []string{"X-Refstream", "trigger"}, want: 403},
		{name: "rebound name", host: "evil.example:8080", header: []string{"X-Refstream", "trigger"}, want: 403},
		{name: "name like localhost", host: "localhost.evil.example", header: []string{"X-Refstream", "trigger"}, want: 403},
		{name: "no host", host: "-", header: []string{"X-Refstream", "trigger"}, want: 403},
		{name: "foreign page", header: []string{"X-Refstream", "trigger", "Origin", "https://evil.example"}, want: 403},
		{name: "opaque origin", header: []string{"X-Refstream", "trigger", "Origin", "null"}, want: 403},
		{name: "proxied", header: []string{"X-Refstream", "trigger", "X-Forwarded-For", "192.0.2.1"}, want: 403},
		{name: "token not asked for does not help", header: []string{"Authorization", "Bearer x"}, want: 403, wantedField: "X-Refstream"},
		{name: "token", token: "s3cret", remote: "192.0.2.1:99", host: "refstream.example", header: []string{"Authorization", "Bearer s3cret"}, want: 202},
		{name: "token, other case of scheme", token: "s3cret", header: []string{"Authorization", "bearer s3cret"}, want: 202},
		{name: "wrong token", token: "s3cret", header: []string{"Authorization", "Bearer s3cre"}, want: 401, wantedField: "Authorization"},
		{name: "longer token", token: "s3cret", header: []string{"Authorization", "Bearer s3crets"}, want: 401, wantedField: "Authorization"},
		{name: "empty token", token: "s3cret", header: []string{"Authorization", "Bearer "}, want: 401, wantedField: "Authorization"},
		{name: "other scheme", token: "s3cret", header: []string{"Authorization", "Basic s3cret"}, want: 401, wantedField: "Authorization"},
		{name: "no token", token: "s3cret", want: 401, wantedField: "Authorization"},
		{name: "local without token", token: "s3cret", header: []string{"X-Refstream", "trigger"}, want: 401, wantedField: "Authorization"},
		{name: "token twice", token: "s3cret", header: []string{"Authorization", "Bearer s3cret", "Authorization", "Bearer s3cret"}, want: 401, wantedField: "Authorization"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := live(t, func(c *Config) { c.Token = tt.token })
			ask := func(target, body string) *httptest.ResponseRecorder {
				r := request(http.MethodPost, target, body, append(tt.header, "Content-Type", "application/json")...)
				if tt.remote != "" {
					r.RemoteAddr = tt.remote
				}
				switch tt.host {
				case "":
				case "-":
					r.Host = ""
				default:
					r.Host = tt.host
				}
				return f.do(r)
			}
			w := ask("/markers", "{}")
			if found := ask("/detections", `{"source":"a","frame":5}`); found.Code != map[int]int{202: 201, 401: 401, 403: 403}[tt.want] {
				t.Errorf("a detection: %d %s", found.Code, found.Body)
			}
			if w.Code != tt.want {
				t.Fatalf("%d %s, want %d", w.Code, w.Body, tt.want)
			}
			if tt.want != 202 {
				f.refused(w, tt.want, tt.wantedField)
			}
			if (w.Header().Get("WWW-Authenticate") != "") != (tt.want == 401) {
				t.Errorf("WWW-Authenticate %q", w.Header().Get("WWW-Authenticate"))
			}
			if (len(f.triggers()) == 1) != (tt.want == 202) {
				t.Errorf("triggers %v", f.triggers())
			}
		})
	}
}
