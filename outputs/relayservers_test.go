package outputs

import (
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// RTSP has a clock of its own: the times are exact relative to each other.
func TestRelayToRTSP(t *testing.T) {
	s := relaySource{newSource(t, 0), 0}
	h, log := newRelayHub(t)
	l := listen(t)
	address := "rtsp://" + l.Addr().String() + "/live?tcp" // over UDP a part may be lost
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	var seen bytes.Buffer
	server := exec.CommandContext(t.Context(), "ffprobe", "-rtsp_flags", "listen", "-v", "error", "-show_entries", "packet=dts",
		"-of", "csv=p=0", address)
	server.Stdout = &seen
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server to listen", func() bool { return bound("tcp", port) })
	s.write2(t, h, 0, 50)
	_, wait := startRelayTest(t, h, parseRelayTest(t, address))
	flows(t, h)
	s.write2(t, h, 50, 150)
	h.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	_ = server.Wait() // it may call the end of the connection an error
	frames, jumps, last := 0, 0, int64(-1)
	for _, line := range strings.Fields(seen.String()) {
		frames++
		dts, err := strconv.ParseInt(strings.Trim(line, ","), 10, 64)
		if err == nil && last >= 0 && dts != last+testStep {
			jumps++
		}
		last = dts
	}
	// RTP's clock becomes known after some frames.
	if frames < 90 || jumps > 1 {
		t.Errorf("%d frames came, with %d gaps\n%s\n%s", frames, jumps, &seen, log)
	}
}

// Before the program could lose count of the wraps of the PTS, another one takes over at a key frame.
func TestRelayRenews(t *testing.T) {
	s := relaySource{newSource(t, 0), 0}
	h, _ := newRelayHub(t)
	file := filepath.Join(t.TempDir(), "a.ts")
	_, wait := startRelayTest(t, h, parseRelayTest(t, file))
	s.write2(t, h, 0, 50)
	size := int64(len(s.stream(t, 50)))
	eventually(t, "the stream to be relayed", func() bool { return relayStatus(h).Bytes == size })
	later := relaySource{s.source, relayRenew}
	later.write2(t, h, 50, 100)
	h.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	if status := relayStatus(h); status.Reconnects != 0 || status.Dropped != 0 || status.LastError != "" {
		t.Errorf("%+v", status)
	}
	samePTS(t, "first", relayProbe(t, "v", 1, file), s, 0, 50)
	samePTS(t, "second", relayProbe(t, "v", 1, strings.Replace(file, ".ts", "-2.ts", 1)), later, 50, 100)
}
