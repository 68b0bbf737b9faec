package rtmp

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inTLS puts a TLS listener in front of a server and gives its port. The certificate is for 127.0.0.1 and the process takes
// it for one of the system's.
func inTLS(t *testing.T, addr string) (port string) {
	t.Helper()
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	file := filepath.Join(t.TempDir(), "roots.pem")
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(file, roots, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			outer, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer outer.Close()
				inner, err := net.Dial("tcp", addr)
				if err != nil {
					return
				}
				defer inner.Close()
				go func() {
					_, _ = io.Copy(inner, outer)
					_ = inner.(*net.TCPConn).CloseWrite()
				}()
				_, _ = io.Copy(outer, inner)
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// TestTLS publishes to nginx behind a TLS listener and plays from it, and meets a certificate that is for another host.
func TestTLS(t *testing.T) {
	addr, _ := startNginx(t, "")
	port := inTLS(t, addr)
	tags := sample(t)
	publishToNginx(t, "rtmps://127.0.0.1:"+port+"/live/test", newLiveSource(t, timed(t, tags[:len(tags)-1], 0), 0), Options{})

	to := target(t, "rtmps://localhost:"+port+"/live/secret")
	play := func() error {
		_, err := Play(testContext(t), dial(t, "127.0.0.1:"+port), to)
		return err
	}
	publish := func() error {
		return Publish(testContext(t), dial(t, "127.0.0.1:"+port), to, &listSource{}, Options{})
	}
	for name, try := range map[string]func() error{"play": play, "publish": publish} {
		if err := try(); !errorHas(err, "not localhost") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s with another host's certificate: %v", name, err)
		}
	}
}
