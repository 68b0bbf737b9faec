package splice

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/format/ts"
)

// killedDir names the folder in the environment of the process that is to be killed.
const killedDir = "REFSTREAM_TEST_DVR_DIR"

// TestKilled ends a recording by SIGKILL again and again, in the middle of what it receives: the session opens, and what
// was recorded stays. The process is this test itself, called with killedDir set.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(killedDir); dir != "" {
		s := recordIn(t, dir, listener(t), Options{Now: time.Now}, defaultTimes())
		fmt.Printf("%s %s\n", s.address, s.folder)
		<-s.ended
		t.Fatalf("run: %v", s.err)
	}
	t.Parallel()
	dir, b := t.TempDir(), stream(t, 4)
	var before []byte
	for i := range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), dvrtest.Patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilled$", "-test.v")
		cmd.Env = append(os.Environ(), killedDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s := &station{t: t, log: &dvrtest.Log{}}
		for lines := bufio.NewScanner(out); s.address == "" && lines.Scan(); {
			if address, folder, ok := strings.Cut(lines.Text(), " "); ok && strings.HasPrefix(address, "tcp://") {
				s.address, s.folder = address, folder
			}
		}
		c := s.dial()
		mustWrite(t, c, b[:len(b)/2+i*1000])
		s.until("half of it is there", func() bool {
			info, err := os.Stat(s.file())
			return err == nil && info.Size() > int64(len(before)+len(b)/2-1000)
		})
		go func() { _, _ = c.Write(b[len(b)/2+i*1000:]) }() // until the connection breaks
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		c.Close()
		after, err := os.ReadFile(s.file())
		if err != nil || !bytes.HasPrefix(after, before) {
			t.Fatalf("run %d: what was recorded before is not kept, %v", i, err)
		}
		before = after[:len(after)/ts.PacketSize*ts.PacketSize]
		if all := s.connections(); len(all) != i+1 || all[i].Ended != nil {
			t.Errorf("run %d: connections %+v", i, all)
		}
	}
	s := recordIn(t, dir, listener(t), Options{Now: time.Now}, defaultTimes())
	s.send(b)
	s.stop()
	if !bytes.HasPrefix(s.recorded(), before) {
		t.Error("what was recorded before is not kept")
	}
	all := s.connections()
	at := int64(0)
	for i, c := range all {
		if c.FirstByte != at || c.Ended == nil || c.Number != i+1 {
			t.Errorf("connection %d should begin at %d: %+v", i, at, c)
		}
		at += c.Bytes
	}
	if len(all) != 5 || at != int64(len(s.recorded())) {
		t.Errorf("%d connections with %d bytes of %d", len(all), at, len(s.recorded()))
	}
	counted(t, s.recorded())
	goesOn(t, probe(t, s.file()))
}
