package browser

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every engine shows a page, evaluates, takes a picture of the window, and leaves no process behind.
func TestEngines(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		io.WriteString(w, "<!doctype html><title>hello</title>")
	}))
	t.Cleanup(site.Close)
	engines := []Engine{WebKit, Chromium, Firefox}
	if testing.Short() { // the one with the most processes; Chromium is started by the tests of the page
		engines = engines[:1]
	}
	for _, engine := range engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			// Processes name it in their arguments or their environment.
			dir := t.TempDir()
			b, err := Start(t.Context(), engine, dir, Small)
			if err != nil {
				t.Fatal(err)
			}
			closed := false
			defer func() {
				if !closed {
					b.Close()
				}
			}()
			if err := b.Open(t.Context(), site.URL); err != nil {
				t.Fatal(err)
			}
			for expression, want := range map[string]string{
				"document.title": `"hello"`, "({a: [1, null]})": `{"a":[1,null]}`, "undefined": "null",
			} {
				if got, err := b.Eval(t.Context(), expression); err != nil || string(got) != want {
					t.Errorf("%s is %s, %v, want %s", expression, got, err, want)
				}
			}
			if got, err := b.Eval(t.Context(), "nothing.there"); err == nil {
				t.Errorf("what throws is %s", got)
			}
			if png, err := b.Screenshot(t.Context()); err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
				t.Errorf("screenshot of %d bytes, %v", len(png), err)
			}
			if len(processesOf(t, dir)) == 0 {
				t.Fatal("the browser's processes are not found")
			}
			b.Close()
			closed = true
			deadline := time.After(30 * time.Second)
			for len(processesOf(t, dir)) > 0 {
				select {
				case <-deadline:
					t.Fatalf("left behind: %q", processesOf(t, dir))
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	}
}

// processesOf lists the command lines of the processes that know of a folder. Those that have ended have neither arguments nor
// an environment.
func processesOf(t *testing.T, dir string) (found []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		// What ends meanwhile can't be read.
		arguments, _ := os.ReadFile(name)
		environment, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "environ"))
		if strings.Contains(string(arguments)+string(environment), dir) {
			found = append(found, strings.ReplaceAll(string(arguments), "\x00", " "))
		}
	}
	return found
}

func TestStartErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, engine := range []Engine{Chromium, Firefox, WebKit, "netscape"} {
		b, err := Start(ctx, engine, t.TempDir(), Small)
		if err == nil {
			b.Close()
			t.Errorf("%s starts without time", engine)
		} else if text := err.Error(); !strings.Contains(text, "start "+string(engine)) || !strings.Contains(text, "make deps") {
			t.Errorf("%s: %v", engine, err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	for _, engine := range []Engine{Firefox, WebKit} {
		if _, err := Start(t.Context(), engine, t.TempDir(), Small); err == nil || !strings.Contains(err.Error(), "is not installed") {
			t.Errorf("%s that is not there: %v", engine, err)
		}
	}
}

// What is no Marionette, or breaks off, is an error and no hang.
func TestMarionetteErrors(t *testing.T) {
	const greeting = `50:{"applicationType":"gecko","marionetteProtocol":3}`
	for name, c := range map[string]struct{ says, want string }{
		"nothing":            {"", "greeting"},
		"another protocol":   {"HTTP/1.1 400: no", "not with its length"},
		"too long":           {"99999999999:{", "not with its length"},
		"half a message":     {greeting + "40:[1,1", "read message"},
		"no response":        {greeting + "2:{}", "not a response"},
		"to another request": {greeting + "13:[1,7,null,{}]", "response 7 to request 1"},
		"an error":           {greeting + `32:[1,1,{"error":"no such x"},null]`, "no such x"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				if conn, err := l.Accept(); err == nil {
					io.WriteString(conn, c.says)
					conn.(*net.TCPConn).CloseWrite()
					io.Copy(io.Discard, conn)
					conn.Close()
				}
			}()
			m, err := dialMarionette(t.Context(), l.Addr().String())
			if err == nil {
				defer m.close()
				err = m.call(t.Context(), "WebDriver:GetTitle", nil, nil)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
