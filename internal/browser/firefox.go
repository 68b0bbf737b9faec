package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// preferences keep Firefox from asking, updating and reporting. Marionette sets most of what tests want by itself, and
// leaves the number of the port that it chose in the profile.
const preferences = `user_pref("marionette.port", 0);
user_pref("gfx.webrender.software", true);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("datareporting.policy.dataSubmissionPolicyBypassNotification", true);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("termsofuse.bypassNotification", true);
`

// firefox is a headless Firefox.
type firefox struct {
	process    *process
	connection *marionette
}

func startFirefox(ctx context.Context, dir string, size Size) (Browser, error) {
	path, err := lookPath("firefox-esr", "firefox")
	if err != nil {
		return nil, err
	}
	profile := filepath.Join(dir, "profile")
	if err := os.Mkdir(profile, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(preferences), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "--headless", "--no-remote", "--marionette", "--profile", profile,
		fmt.Sprintf("--width=%d", size.Width), fmt.Sprintf("--height=%d", size.Height))
	cmd.Env = append(os.Environ(), "HOME="+dir, "MOZ_CRASHREPORTER_DISABLE=1")
	f := &firefox{}
	if f.process, err = startProcess(cmd); err != nil {
		return nil, err
	}
	if err := f.connect(ctx, filepath.Join(profile, "MarionetteActivePort"), size); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lookPath finds the first of several programs that is installed.
func lookPath(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", names[0])
}

// connect waits for the file that holds Marionette's port.
func (f *firefox) connect(ctx context.Context, portFile string, size Size) error {
	var port string
	err := poll(ctx, f.process, func() bool {
		text, err := os.ReadFile(portFile)
		port = strings.TrimSpace(string(text))
		return err == nil && port != ""
	})
	if err != nil {
		return fmt.Errorf("wait for Marionette's port: %w", err)
	}
	if f.connection, err = dialMarionette(ctx, "127.0.0.1:"+port); err != nil {
		return err
	}
	if err := f.connection.call(ctx, "WebDriver:NewSession", map[string]any{}, nil); err != nil {
		return err
	}
	return f.connection.call(ctx, "WebDriver:SetWindowRect", map[string]any{"width": size.Width, "height": size.Height}, nil)
}

// poll waits for a condition; it fails when the context is done or the process has ended.
func poll(ctx context.Context, p *process, ok func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-p.ended:
			return p.gone()
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", ctx.Err(), p.log.String())
		}
	}
	return nil
}

func (f *firefox) Open(ctx context.Context, url string) error {
	return f.connection.call(ctx, "WebDriver:Navigate", map[string]any{"url": url}, nil)
}

func (f *firefox) Eval(ctx context.Context, expression string) (json.RawMessage, error) {
	var result struct{ Value string }
	// Without a sandbox the script sees the page's own objects.
	err := f.connection.call(ctx, "WebDriver:ExecuteScript",
		map[string]any{"script": inPage(expression), "args": []any{}, "sandbox": nil}, &result)
	return json.RawMessage(result.Value), err
}

func (f *firefox) Screenshot(ctx context.Context) ([]byte, error) {
	var result struct{ Value []byte } // base64 in JSON
	err := f.connection.call(ctx, "WebDriver:TakeScreenshot", map[string]any{"full": false}, &result)
	return result.Value, err
}

func (f *firefox) Close() {
	if f.connection != nil {
		f.connection.close()
	}
	f.process.stop()
}

// marionette is a connection that speaks Firefox's remote protocol, version 3: a message is its length in decimal, a
// colon and JSON. A request is [0, id, name, parameters], its response [1, id, error or null, result].
// (https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html)
type marionette struct {
	conn net.Conn
	in   *bufio.Reader
	id   int
}

// A screenshot is a few MiB; what claims to be longer is no message.
const maxMessage = 64 << 20

func dialMarionette(ctx context.Context, addr string) (*marionette, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to Marionette: %w", err)
	}
	m := &marionette{conn: conn, in: bufio.NewReader(conn)}
	// The server sends first: who it is.
	if err := m.during(ctx, func() error { _, err := m.read(); return err }); err != nil {
		conn.Close()
		return nil, fmt.Errorf("read Marionette's greeting: %w", err)
	}
	return m, nil
}

func (m *marionette) close() { m.conn.Close() }

// during does what reads and writes until the context is done.
func (m *marionette) during(ctx context.Context, do func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = m.conn.SetDeadline(time.Unix(1, 0)) })
	err := do()
	if !stop() && ctx.Err() != nil {
		return fmt.Errorf("%w (%w)", ctx.Err(), err)
	}
	return err
}

// call sends a command and stores the result in v, unless that is nil.
func (m *marionette) call(ctx context.Context, name string, parameters map[string]any, v any) error {
	m.id++
	message, err := json.Marshal([]any{0, m.id, name, parameters})
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	err = m.during(ctx, func() error {
		if _, err := fmt.Fprintf(m.conn, "%d:%s", len(message), message); err != nil {
			return err
		}
		text, err := m.read()
		if err != nil {
			return err
		}
		return m.parse(text, v)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (m *marionette) read() ([]byte, error) {
	prefix, err := m.in.ReadString(':')
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(prefix, ":"))
	if err != nil || n < 0 || n > maxMessage {
		return nil, fmt.Errorf("a message begins with %.40q, not with its length", prefix)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(m.in, text); err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return text, nil
}

func (m *marionette) parse(text []byte, v any) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) != 4 {
		return fmt.Errorf("not a response: %.200s", text)
	}
	var id int
	if err := json.Unmarshal(parts[1], &id); err != nil || id != m.id {
		return fmt.Errorf("response %s to request %d", parts[1], m.id)
	}
	if string(parts[2]) != "null" {
		return fmt.Errorf("%.600s", parts[2])
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(parts[3], v)
}
