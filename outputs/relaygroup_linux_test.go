package outputs

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRelayEndsWithServer: a relay that waits for somebody to connect ends when the server is killed, and gives its port back.
func TestRelayEndsWithServer(t *testing.T) {
	const dirOf, addressOf = "REFSTREAM_TEST_DIR", "REFSTREAM_TEST_ADDRESS"
	if dir := os.Getenv(dirOf); dir != "" {
		// The server, in a process of its own.
		s := relaySource{newSource(t, 0), 0}
		h, _ := newRelayHub(t, func(o *Options) {
			o.FFmpeg, o.WriteTimeout = pidScript(t, dir), time.Minute
		})
		_, wait := startRelayTest(t, h, parseRelayTest(t, os.Getenv(addressOf)))
		s.write2(t, h, 0, 50)
		_ = wait()
		return
	}
	for name, address := range map[string]string{
		"srt": "srt://127.0.0.1:" + freeUDPPort(t) + "?mode=listener",
		"tcp": "tcp://127.0.0.1:" + freeUDPPort(t) + "?listen=1",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			server := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRelayEndsWithServer$")
			server.Env = append(os.Environ(), dirOf+"="+dir, addressOf+"="+address, "TMPDIR="+t.TempDir())
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			pid := pidOf(t, dir)
			eventually(t, "ffmpeg to be what runs", func() bool {
				exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
				return err == nil && strings.HasSuffix(exe, "/ffmpeg")
			})
			if err := server.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = server.Wait()
			eventually(t, "ffmpeg to end", func() bool { return isGone(pid) || isZombie(pid) })
		})
	}
}

// isZombie says whether a process has ended and only its new parent has not taken note.
func isZombie(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(b), ") Z ")
}
