package hlsclient

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hosts answers for several hosts, and notes what each was asked for and with which header.
type hosts struct {
	answers map[string]func(r *http.Request) (status int, header http.Header, body string) // by URL

	mu  sync.Mutex
	log []string // URL, token, referer
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, fmt.Sprintf("%s %s %s", r.URL, r.Header.Get("X-Token")+r.Header.Get("Authorization"), r.Header.Get("Referer")))
	status, header, body := 404, http.Header(nil), ""
	if answer := h.answers[r.URL.String()]; answer != nil {
		status, header, body = answer(r)
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: header,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

func says(body string) func(*http.Request) (int, http.Header, string) {
	return func(*http.Request) (int, http.Header, string) { return 200, http.Header{}, body }
}

func redirects(to string) func(*http.Request) (int, http.Header, string) {
	return func(*http.Request) (int, http.Header, string) { return 302, http.Header{"Location": {to}}, "" }
}

// TestHeaderStaysHome sends the header that was given to the origin of the stream's address and the hosts that were named,
// and to nobody else, whoever names or redirects to them.
func TestHeaderStaysHome(t *testing.T) {
	t.Parallel()
	playlist := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
	for _, uri := range []string{
		"a.ts", "http://o/b.ts", "https://o/c.ts", "https://o:444/d.ts", "https://cdn/e.ts", "http://cdn/f.ts", "https://cdn:8443/g.ts",
		"https://other/h.ts", "away.ts", "https://other/home.ts", "https://O:443/i.ts",
	} {
		playlist += "#EXTINF:1,\n" + uri + "\n"
	}
	for _, c := range []struct {
		name, to string
		want     []string
	}{
		{"own", "", []string{"https://o/p.m3u8?t=1", "https://o/a.ts", "https://o/c.ts", "https://o/away.ts", "https://o/i.ts"}},
		{"a host", "CDN", []string{"https://o/p.m3u8?t=1", "https://o/a.ts", "https://o/c.ts", "https://cdn/e.ts", "https://cdn:8443/g.ts", "https://o/away.ts", "https://o/i.ts"}},
		{"a host and port", "cdn:8443", []string{"https://o/p.m3u8?t=1", "https://o/a.ts", "https://o/c.ts", "https://cdn:8443/g.ts", "https://o/away.ts", "https://o/i.ts"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := &hosts{answers: map[string]func(*http.Request) (int, http.Header, string){
				"https://o/p.m3u8?t=1": says(playlist + "#EXT-X-ENDLIST\n"), "https://o/away.ts": redirects("https://other/there.ts"),
				"https://other/home.ts": redirects("https://o/back.ts"), "https://o/back.ts": says("back"), "https://other/there.ts": says("there"),
			}}
			client := &Client{Now: time.Now, HTTP: &http.Client{Transport: h}, Attempts: 1, HeaderTo: slices.DeleteFunc([]string{c.to}, func(s string) bool { return s == "" }),
				Header: http.Header{"X-Token": {"mine"}, "Authorization": {"too"}}}
			if err := client.Run(t.Context(), "https://o/p.m3u8?t=1", Handler{}); err != nil {
				t.Fatal(err)
			}
			var with []string
			for _, l := range h.log {
				address, rest, _ := strings.Cut(l, " ")
				if token, referer, _ := strings.Cut(rest, " "); token == "minetoo" {
					with = append(with, strings.Replace(address, "O:443", "o", 1))
				} else if token != "" || referer != "" {
					t.Errorf("%s", l)
				}
			}
			want := append(slices.Clone(c.want), "https://o/back.ts")
			slices.Sort(with)
			if slices.Sort(want); !slices.Equal(with, want) {
				t.Errorf("with the header: %q, want %q", with, want)
			}
		})
	}
}

// TestHeaderWithheld names what to do where an answer is a refusal, perhaps since the header was not sent there.
func TestHeaderWithheld(t *testing.T) {
	t.Parallel()
	refuses := func(*http.Request) (int, http.Header, string) { return 403, http.Header{}, "" }
	h := &hosts{answers: map[string]func(*http.Request) (int, http.Header, string){
		"http://o/p.m3u8": says("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://cdn/a.ts\n#EXTINF:1,\nb.ts\n#EXT-X-ENDLIST\n"),
		"http://cdn/a.ts": refuses, "http://o/b.ts": refuses,
	}}
	var errs []string
	client := &Client{Now: time.Now, HTTP: &http.Client{Transport: h}, Header: http.Header{"X-Token": {"mine"}}}
	err := client.Run(t.Context(), "http://o/p.m3u8", Handler{Segment: func(s *Segment) error {
		errs = append(errs, s.Err.Error())
		return nil
	}})
	if err != nil || len(errs) != 2 || !strings.Contains(errs[0], "403 Forbidden, without the headers") || !strings.Contains(errs[0], "--header-to") ||
		!strings.HasSuffix(errs[1], "403 Forbidden") {
		t.Errorf("%v, %q", err, errs)
	}
}

// TestCookies lets no server set cookies for all that end as it does.
func TestCookies(t *testing.T) {
	t.Parallel()
	c, _ := NewHTTP()
	at := func(address string) *url.URL {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	c.Jar.SetCookies(at("http://a.example.co.uk/x/"), []*http.Cookie{
		{Name: "all", Value: "1", Domain: "co.uk"}, {Name: "site", Value: "1", Domain: "example.co.uk", Path: "/"}, {Name: "own", Value: "1"},
		{Name: "tls", Value: "1", Secure: true},
	})
	for address, want := range map[string]string{
		"http://a.example.co.uk/x/": "own site", "http://b.example.co.uk/": "site", "http://other.co.uk/": "", "http://a.example.co.uk/y/": "site",
	} {
		var names []string
		for _, cookie := range c.Jar.Cookies(at(address)) {
			names = append(names, cookie.Name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	for i := range 2 * maxCookies {
		c.Jar.SetCookies(at("http://many/"), []*http.Cookie{{Name: fmt.Sprint(i), Value: "1"}, {Name: "long", Value: strings.Repeat("x", maxCookie)}})
	}
	if n := len(c.Jar.Cookies(at("http://many/"))); n < 50 || n > maxCookies {
		t.Errorf("%d cookies are kept", n)
	}
}

func TestRequestErrorText(t *testing.T) {
	for want, e := range map[string]*RequestError{
		"fetch u: EOF": {URL: "u", Err: io.EOF}, "fetch u: 404 Not Found": {URL: "u", Status: 404}, "fetch u: status 599": {URL: "u", Status: 599},
	} {
		if e.Error() != want || errors.Is(e, io.EOF) != (e.Err != nil) {
			t.Errorf("%v, want %s", e, want)
		}
	}
}
