package outputs

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/internal/quietlog"
)

// TestConsumerLog counts the lines about consumers of all sorts.
func TestConsumerLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		h, err := New(Options{
			Channel: testChannel(), FLV: testFLV(), Now: time.Now, Logger: slog.New(slog.NewTextHandler(&buf, nil)), MaxClients: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		o := h.newOutput(KindRTMP, "x")
		lines := func() []string {
			defer buf.Reset()
			return strings.Split(strings.TrimSpace(buf.String()), "\n")
		}
		slow := fmt.Errorf("send: %w", errSlow)
		for range 999 {
			o.gone("192.0.2.1:1", slow)
		}
		o.gone("192.0.2.1:1", errors.New("no RTMP")) // which nothing was said of yet
		if got := lines(); len(got) != burst+1 || !strings.Contains(got[burst], "no RTMP") {
			t.Errorf("%d lines at once:\n%s", len(got), strings.Join(got, "\n"))
		}
		<-time.After(time.Minute) // of the bubble's time
		o.gone("192.0.2.1:1", slow)
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "more_since=995") {
			t.Errorf("a minute later: %q", got)
		}
		for range 3600 { // one a second
			<-time.After(time.Second)
			o.gone("192.0.2.1:1", slow)
		}
		if got := lines(); len(got) != 4 { // after 2, 6, 14 and 30 minutes
			t.Errorf("%d lines in an hour:\n%s", len(got), strings.Join(got, "\n"))
		}
		o.quiet.Flush()
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "more_since=") || !strings.Contains(got[0], "too slow") {
			t.Errorf("at the end: %q", got)
		}
		<-time.After(quietlog.Calm * time.Minute)
		for range 10 {
			o.gone("192.0.2.1:1", slow)
		}
		if got := lines(); len(got) != burst || strings.Contains(got[0], "more_since") {
			t.Errorf("after a calm: %q", got)
		}
		for range 100 { // it fills and empties
			o.enter()
			o.enter()
			o.leave()
			o.full = false
		}
		if got := lines(); len(got) != burst {
			t.Errorf("%d lines about places", len(got))
		}
		if s := o.status(); s.Dropped != 999+1+3600+10 {
			t.Errorf("%d are counted as dropped", s.Dropped)
		}
	})
}

// TestBadClientsAreTold has many clients that speak no RTMP.
func TestBadClientsAreTold(t *testing.T) {
	h, log := newHub(t)
	l := listen(t)
	ended := runs(func() error { return h.ListenRTMP(t.Context(), l) })
	for range 100 {
		c := dial(t, l.Addr().String())
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		_, _ = gather(c).all(t)
	}
	h.Close()
	if err := returned(t, ended); err != nil {
		t.Error(err)
	}
	text := log.String()
	if n := strings.Count(text, "a consumer was not served"); n != burst+1 || !strings.Contains(text, "more_since=96") {
		t.Errorf("%d lines:\n%s", n, text)
	}
}

// TestPublisherIsNotNamed has somebody publish to this server by mistake.
func TestPublisherIsNotNamed(t *testing.T) {
	h, log := newHub(t)
	l := listen(t)
	ended := runs(func() error { return h.ListenRTMP(t.Context(), l) })
	to, err := ParsePush("rtmp://" + l.Addr().String() + "/live/secret-key")
	if err != nil {
		t.Fatal(err)
	}
	from, fromLog := newHub(t)
	pushed := runs(func() error { return from.PushTo(t.Context(), to) })
	eventually(t, "the refusal", func() bool {
		return statusOf(t, h, KindRTMP).LastError != "" && statusOf(t, from, KindPush).LastError != ""
	})
	from.Close()
	h.Close()
	for _, e := range []<-chan error{ended, pushed} {
		if err := returned(t, e); err != nil {
			t.Error(err)
		}
	}
	text := log.String() + fromLog.String() + fmt.Sprint(h.Status(), from.Status())
	if strings.Contains(text, "secret") || !strings.Contains(text, "publish was refused") {
		t.Errorf("the log says:\n%s", text)
	}
}
