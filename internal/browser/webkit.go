package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/refstream/refstream/internal/testnet"
)

// webkit is WebKitGTK's MiniBrowser on a display of its own, driven by WebKitWebDriver.
type webkit struct {
	display, driver *process
	// session is the address of the session, below which its commands are.
	session string
}

// Where Debian and others keep WebKitGTK's programs that are on nobody's path.
var miniBrowsers = []string{
	"/usr/lib/*/webkit2gtk-4.1/MiniBrowser", "/usr/lib/*/webkitgtk-6.0/MiniBrowser", "/usr/lib*/webkit2gtk-4.1/MiniBrowser",
	"/usr/libexec/webkit2gtk-4.1/MiniBrowser",
}

func startWebKit(ctx context.Context, dir string, size Size) (Browser, error) {
	driver, err := lookPath("WebKitWebDriver")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, pattern := range miniBrowsers {
		list, _ := filepath.Glob(pattern) // the patterns are well-formed: there is no error
		found = append(found, list...)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("WebKitGTK's MiniBrowser is not installed")
	}
	w := &webkit{}
	if err := w.start(ctx, dir, driver, found[0], size); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *webkit) start(ctx context.Context, dir, driver, browser string, size Size) error {
	display, err := w.startDisplay(ctx, size)
	if err != nil {
		return err
	}
	addr, err := testnet.Free(func(addr string) (io.Closer, error) { return net.Listen("tcp", addr) }) // the driver can't choose one
	if err != nil {
		return err
	}
	_, port, _ := strings.Cut(addr, ":")
	cmd := exec.Command(driver, "--host=127.0.0.1", "--port="+port)
	cmd.Env = append(os.Environ(), "DISPLAY="+display, "GDK_BACKEND=x11", "HOME="+dir, "XDG_RUNTIME_DIR="+dir,
		"XDG_CACHE_HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir,
		// There is neither a bus of accessibility nor a GPU; painting by GL on the processor would be slower still.
		"NO_AT_BRIDGE=1", "WEBKIT_SKIA_ENABLE_CPU_RENDERING=1")
	if w.driver, err = startProcess(cmd); err != nil {
		return err
	}
	err = poll(ctx, w.driver, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("wait for WebKitWebDriver: %w", err)
	}
	var created struct{ SessionID string }
	base := "http://" + addr + "/session"
	options := map[string]any{"binary": browser, "args": []string{"--automation"}}
	err = w.call(ctx, http.MethodPost, base, map[string]any{"capabilities": map[string]any{
		"alwaysMatch": map[string]any{"webkitgtk:browserOptions": options}}}, &created)
	if err != nil {
		return err
	}
	w.session = base + "/" + created.SessionID
	return w.call(ctx, http.MethodPost, w.session+"/window/rect", map[string]any{"x": 0, "y": 0, "width": size.Width, "height": size.Height}, nil)
}

// startDisplay starts an X server on the first display that is free and returns the display's name.
func (w *webkit) startDisplay(ctx context.Context, size Size) (string, error) {
	path, err := lookPath("Xvfb")
	if err != nil {
		return "", err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer read.Close()
	cmd := exec.Command(path, "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", size.Width, size.Height+100), "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{write}
	w.display, err = startProcess(cmd)
	write.Close()
	if err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { read.Close() })
	defer stop()
	// It writes the number and a newline when it is ready, and nothing more.
	number, err := io.ReadAll(io.LimitReader(read, 16))
	if err != nil || len(number) == 0 {
		return "", fmt.Errorf("start an X server: %w: %s", err, w.display.log.String())
	}
	return ":" + strings.TrimSpace(string(number)), nil
}

// call makes a request of WebDriver and stores the value of the response in v, unless that is nil.
func (w *webkit) call(ctx context.Context, method, url string, body, v any) error {
	var text io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		text = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, text)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %s", err, w.driver.log.String())
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxMessage))
	if err != nil {
		return fmt.Errorf("read response: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %.600s", method, req.URL.Path, res.Status, data)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(data, &struct{ Value any }{v}); err != nil {
		return fmt.Errorf("%s %s: read response: %w", method, req.URL.Path, err)
	}
	return nil
}

func (w *webkit) Open(ctx context.Context, url string) error {
	return w.call(ctx, http.MethodPost, w.session+"/url", map[string]any{"url": url}, nil)
}

func (w *webkit) Eval(ctx context.Context, expression string) (json.RawMessage, error) {
	var text string
	err := w.call(ctx, http.MethodPost, w.session+"/execute/sync", map[string]any{"script": inPage(expression), "args": []any{}}, &text)
	return json.RawMessage(text), err
}

func (w *webkit) Screenshot(ctx context.Context) ([]byte, error) {
	var png []byte // base64 in JSON
	err := w.call(ctx, http.MethodGet, w.session+"/screenshot", nil, &png)
	return png, err
}

func (w *webkit) Close() {
	w.driver.stop()
	w.display.stop()
}
